/**
 * One child process of ours: a controller or a worker. It announces itself with one line of JSON on
 * stdout, writes its log to a file that it inherits, and ends when its stdin closes.
 *
 * Must not decide what a child's end means: `exited` says how it ended, and nothing else.
 *
 * @module
 */

import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { CapstanError, type ErrorCode, errorRegistry } from "../model/errors.ts";
import { childReadyTimeoutMs, logTailBytesMax } from "./limits.ts";
import { refusalOf } from "./refusal.ts";

/** What a child says of itself when it is ready; the fields are the entry's choice. */
export type Announcement = { readonly [field: string]: unknown };

/** How a process ended: by an exit code or by a signal. */
export interface ExitStatus {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** What to start. */
export interface ChildOptions {
  /** For people: `"controller"`, `"worker local-0"`. */
  readonly name: string;
  /** Path of the module to run. */
  readonly entry: string;
  /** Handed to the entry as one JSON argument. Must not hold secrets: arguments are public. */
  readonly settings: object;
  /** Handed over in the environment as CAPSTAN_TOKEN. */
  readonly token: string | undefined;
  /** Where stderr goes: appended to this file, or to this process's stderr when null. */
  readonly logFile: string | null;
  /** Whether it says why it refuses to start, see `refusalOf`. A worker's end is in its log. */
  readonly saysRefusal?: boolean;
}

/** A child that has announced itself. */
export interface Child {
  readonly name: string;
  readonly pid: number;
  readonly startedAtMs: number;
  readonly announcement: Announcement;
  /** Settles once, when the process is gone. */
  readonly exited: Promise<ExitStatus>;
  kill(signal: NodeJS.Signals): void;
  /** SIGTERM, then SIGKILL after `graceMs`; resolves when the process is gone. */
  stop(graceMs: number): Promise<ExitStatus>;
}

/** For people: `"exit code 3"`, `"SIGKILL"`. */
export function formatExit(status: ExitStatus): string {
  return status.signal ?? `exit code ${status.exitCode}`;
}

/**
 * Starts a child and waits until it has announced itself.
 *
 * Throws CapstanError when it ends or stays silent instead: what the child refused with, else with
 * the code that it named in its log, or BUG; the message has the tail of its log then.
 */
export async function startChild(options: ChildOptions): Promise<Child> {
  const log = openLog(options.logFile);
  const startedAtMs = Date.now();
  const child = spawnEntry(options, log);
  const exited = exitOf(child, log);
  const refused = refusalOf(child);
  const announced = await Promise.race([announcementOf(child), exited, silence()]);
  if (announced === "silent") {
    child.kill("SIGKILL");
    await exited;
    throw startError(options, log, `did not announce itself in ${childReadyTimeoutMs} ms`);
  }
  if ("exited" in announced) {
    const refusal = child.pid === undefined ? null : await refused;
    if (refusal !== null) throw refusal;
    throw startError(options, log, `ended with ${formatExit(announced.exited)}`, announced.exited);
  }
  if (child.connected) child.disconnect(); // It refuses nothing any more.
  return handleOf(options.name, child, startedAtMs, announced.fields, exited);
}

interface Log {
  readonly file: string | null;
  readonly descriptor: number | null;
  /** Size of the file when the child started: what is behind it is not its doing. */
  readonly startBytes: number;
}

function openLog(file: string | null): Log {
  if (file === null) return { file, descriptor: null, startBytes: 0 };
  const descriptor = openSync(file, "a", 0o600);
  return { file, descriptor, startBytes: fstatSync(descriptor).size };
}

const preload = new URL(
  `./end-with-parent.${import.meta.url.endsWith(".ts") ? "ts" : "js"}`,
  import.meta.url,
).href;

/** Flags of Node for every child: quiet, and it ends when its stdin closes. */
export const childFlags: readonly string[] = [
  ...["--disable-warning=ExperimentalWarning", "--import", preload],
];

function spawnEntry(options: ChildOptions, log: Log): ChildProcess {
  const { CAPSTAN_TOKEN: _inherited, ...environment } = process.env;
  return spawn(process.execPath, [...childFlags, options.entry, JSON.stringify(options.settings)], {
    // Its own process group: Ctrl-C reaches only us, and we stop the children in order.
    detached: true,
    stdio: [...(["pipe", "pipe", log.descriptor ?? "inherit"] as const), ...channelFor(options)],
    env:
      options.token === undefined ? environment : { ...environment, CAPSTAN_TOKEN: options.token },
  });
}

/** A worker takes the end of a channel for the end of its parent. */
function channelFor({ saysRefusal = false }: ChildOptions): readonly "ipc"[] {
  return saysRefusal ? ["ipc"] : [];
}

function exitOf(child: ChildProcess, log: Log): Promise<{ readonly exited: ExitStatus }> {
  return new Promise((resolve) => {
    const settle = (exited: ExitStatus) => {
      if (log.descriptor !== null) closeSync(log.descriptor);
      resolve({ exited });
    };
    child.once("exit", (exitCode, signal) => settle({ exitCode, signal }));
    // The executable itself could not be started: nothing else will be reported.
    child.once("error", () => {
      if (child.pid === undefined) settle({ exitCode: 127, signal: null });
    });
    // Writing to a child that is gone is not an error of ours; its exit says what matters.
    child.stdin?.on("error", () => child.stdin?.destroy());
  });
}

function announcementOf(child: ChildProcess): Promise<{ readonly fields: Announcement }> {
  return new Promise((resolve) => {
    let text = "";
    let announced = false;
    child.stdout?.setEncoding("utf8");
    // What follows the announcement is read and dropped, so that the child never blocks on it.
    child.stdout?.on("data", (chunk: string) => {
      if (announced) return;
      const lines = (text + chunk).split("\n");
      text = lines.pop() ?? "";
      const fields = lines.map(parseLine).find((line) => line !== null);
      if (fields === undefined) return;
      announced = true;
      resolve({ fields });
    });
  });
}

/** The object on a line of JSON; null for anything else that a child may print first. */
function parseLine(line: string): Announcement | null {
  if (!line.startsWith("{")) return null;
  try {
    return JSON.parse(line);
  } catch {
    return null; // Not an announcement: keep reading.
  }
}

function silence(): Promise<"silent"> {
  return new Promise((resolve) => {
    setTimeout(() => resolve("silent"), childReadyTimeoutMs).unref();
  });
}

function handleOf(
  name: string,
  child: ChildProcess,
  startedAtMs: number,
  announcement: Announcement,
  exit: Promise<{ readonly exited: ExitStatus }>,
): Child {
  const exited = exit.then((end) => end.exited);
  const pid = child.pid ?? 0;
  return {
    name,
    pid,
    startedAtMs,
    announcement,
    exited,
    kill: (signal) => void child.kill(signal),
    stop: async (graceMs) => {
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), graceMs);
      const status = await exited;
      clearTimeout(timer);
      return status;
    },
  };
}

function startError(
  options: ChildOptions,
  log: Log,
  what: string,
  exit?: ExitStatus,
): CapstanError {
  const tail = readTail(log);
  const where = log.file === null ? "" : ` Its log is ${log.file}.`;
  const quoted = tail === "" ? "" : ` It said:\n${tail}`;
  return new CapstanError(codeIn(tail, exit), `The ${options.name} ${what}.${where}${quoted}`);
}

/** The last error code that the child named in its log, else what its exit code stands for. */
function codeIn(tail: string, exit: ExitStatus | undefined): ErrorCode {
  const named = [...tail.matchAll(/"code":"([A-Z_]+)"/g)].map((match) => match[1]);
  const known = named.filter((code): code is ErrorCode => code in errorRegistry);
  return known.at(-1) ?? (exit?.exitCode === 74 ? "DISK_FAILED" : "BUG");
}

function readTail(log: Log): string {
  if (log.file === null) return "";
  const descriptor = openSync(log.file, "r");
  try {
    const end = fstatSync(descriptor).size;
    const start = Math.max(log.startBytes, end - logTailBytesMax);
    const bytes = Buffer.alloc(Math.max(0, end - start));
    readSync(descriptor, bytes, 0, bytes.length, start);
    return bytes.toString("utf8").trimEnd();
  } finally {
    closeSync(descriptor);
  }
}
