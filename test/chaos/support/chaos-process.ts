/**
 * One real process of Capstan, in surroundings that a fault chooses: behind a program that changes
 * them (`nsenter`, `prlimit`), with variables of its own. It ends when the test does.
 *
 * @module
 */

import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Announcement, childFlags, type ExitStatus } from "../../../src/backends/child.ts";

/** Where a process runs. */
export interface Surroundings {
  /** Put before the program; must replace itself by it. */
  readonly prefix?: readonly string[] | undefined;
  readonly env?: { readonly [name: string]: string } | undefined;
}

export interface ChaosProcessOptions extends Surroundings {
  readonly entry: "controller" | "worker";
  readonly settings: object;
  /** Its stderr is appended here. */
  readonly logFile: string;
}

const announcementTimeoutMs = 30_000;

export class ChaosProcess {
  readonly pid: number;
  readonly announcement: Announcement;
  readonly exited: Promise<ExitStatus>;
  readonly #child: ChildProcess;

  private constructor(
    child: ChildProcess,
    announcement: Announcement,
    exited: Promise<ExitStatus>,
  ) {
    this.#child = child;
    this.pid = child.pid ?? 0;
    this.announcement = announcement;
    this.exited = exited;
  }

  /** Resolves when it has announced itself; rejects with how it ended instead, and its log. */
  static async start(options: ChaosProcessOptions): Promise<ChaosProcess> {
    const child = spawnEntry(options);
    const exited = new Promise<ExitStatus>((resolve) => {
      child.once("exit", (exitCode, signal) => resolve({ exitCode, signal }));
      child.once("error", () => resolve({ exitCode: 127, signal: null }));
    });
    const timer = setTimeout(() => child.kill("SIGKILL"), announcementTimeoutMs);
    const first = await Promise.race([firstLine(child), exited]);
    clearTimeout(timer);
    if (typeof first === "string") return new ChaosProcess(child, JSON.parse(first), exited);
    throw new StartRefused(options.entry, first, tailOf(options.logFile));
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** SIGKILL, and waits for the end. */
  async killHard(): Promise<ExitStatus> {
    this.kill("SIGKILL");
    return this.exited;
  }

  /** SIGTERM, after `graceMs` SIGKILL. */
  async stop(graceMs: number): Promise<ExitStatus> {
    this.kill("SIGCONT");
    this.kill("SIGTERM");
    const timer = setTimeout(() => this.kill("SIGKILL"), graceMs);
    const status = await this.exited;
    clearTimeout(timer);
    return status;
  }
}

/** A process that ended instead of serving. */
export class StartRefused extends Error {
  readonly status: ExitStatus;
  readonly log: string;

  constructor(entry: string, status: ExitStatus, log: string) {
    super(`the ${entry} ended with ${status.signal ?? status.exitCode}: ${log}`);
    this.status = status;
    this.log = log;
  }
}

function spawnEntry({ entry, settings, prefix = [], env, logFile }: ChaosProcessOptions) {
  const path = fileURLToPath(new URL(`../../../src/shell/${entry}-entry.ts`, import.meta.url));
  const program = [process.execPath, ...childFlags, path, JSON.stringify(settings)];
  const [command, ...args] = [...prefix, ...program];
  const { CAPSTAN_TOKEN: _token, NODE_TEST_CONTEXT: _context, ...inherited } = process.env;
  const log = openSync(logFile, "a", 0o600);
  const child = spawn(command, args, {
    detached: true,
    stdio: ["pipe", "pipe", log],
    env: { ...inherited, ...env },
  });
  closeSync(log);
  child.stdin?.on("error", () => undefined); // It is gone; its exit says what matters.
  return child;
}

function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    child.stdout?.setEncoding("utf8");
    child.stdout?.on("data", (chunk: string) => {
      text += chunk;
      const line = text.split("\n").find((each) => each.startsWith("{") && each.endsWith("}"));
      if (line !== undefined) resolve(line);
    });
  });
}

function tailOf(logFile: string): string {
  return readFileSync(logFile, "utf8").slice(-2_000).trim();
}
