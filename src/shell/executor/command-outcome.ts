/**
 * What the end of a command's process means: a value, a failure, or the end of a stop.
 *
 * The real exit status wins over a stop that was under way: whoever ran out of memory while it was
 * being stopped ran out of memory.
 *
 * @module
 */

import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { isAbsolute, relative, resolve } from "node:path";
import { CapstanError } from "../../model/errors.ts";
import type { AttemptFailure, AttemptUsage } from "../../model/failure.ts";
import { formatMemory } from "../../model/format-quantities.ts";
import type { CommandRun } from "../../model/spec.ts";
import type { ExitRecord } from "../launcher/exit-record.ts";
import { allocateValue } from "../store/value-store.ts";
import { encodeValue } from "../values/value-codec.ts";
import { plainErrorRecord } from "./error-record.ts";
import { commandFileBytesMax, quotedOutputMax } from "./limits.ts";

export type CommandFailureCause = "failed" | "oom" | "build-failed" | "killed";

/** How a command ended, in the kernel's words. */
export type CommandOutcome =
  | { readonly type: "finished"; readonly value: Uint8Array; readonly durationUs: number }
  | {
      readonly type: "failed";
      readonly cause: CommandFailureCause;
      readonly failure: AttemptFailure;
    }
  /** It was told to end, and has. */
  | { readonly type: "aborted" }
  /** The machine had nothing left to start it with. */
  | { readonly type: "refused"; readonly message: string };

/** What the process used and how it ended. */
export function usageOf(record: ExitRecord): AttemptUsage {
  const { exitCode, signal, oom, peakRssBytes, cpuMs, droppedLogBytes, stderrTail } = record;
  return { exitCode, signal, oom, peakRssBytes, cpuMs, droppedLogBytes, stderrTail };
}

/** Judges an end; `workDirectory` must still be there, for a value that is a file. */
export async function judgeExit(
  record: ExitRecord,
  run: CommandRun,
  workDirectory: string,
): Promise<CommandOutcome> {
  if (record.oom) return failedBy(record, "oom", "OutOfMemory", outOfMemory(record));
  if (record.kind === "start-failed") {
    return failedBy(record, "build-failed", "StartError", record.message);
  }
  if (record.kind === "start-refused") return { type: "refused", message: record.message };
  if (record.stop === "stopped" || record.stop === "timeout") return { type: "aborted" };
  if (record.stop === "lease") {
    const message = "it was ended because its worker's agent had been gone for too long";
    return failedBy(record, "killed", "LeaseExpired", message);
  }
  if (record.kind === "lost") return failedBy(record, "killed", "ExitUnknown", record.message);
  if (record.signal !== null) return failedBySignal(record, record.signal);
  if (record.exitCode !== 0) {
    return failedBy(record, "failed", "ExitError", `exit code ${record.exitCode}`);
  }
  return finishedWith(record, run, workDirectory);
}

export function outOfMemory({ peakRssBytes }: ExitRecord): string {
  const seen = peakRssBytes === 0 ? "" : ` (at most ${formatMemory(peakRssBytes)} was seen)`;
  return `it used more memory than granted${seen}: ask for more, or let it use less`;
}

/** The failure of a command whose process never was. */
export function buildFailure(error: unknown): AttemptFailure {
  const name = error instanceof CapstanError ? error.code : "BuildError";
  const message = error instanceof Error ? error.message : String(error);
  const status = { exitCode: null, signal: null, oom: false, stderrTail: "" };
  return { error: plainErrorRecord(name, message), ...status };
}

/** What it means that the launcher ended it although nobody asked. */
export function endedByLauncher(record: ExitRecord): CommandOutcome {
  const isTimeout = record.stop === "timeout";
  const message = isTimeout ? "it ran longer than its timeout" : "its launcher was told to end it";
  return failedBy(record, isTimeout ? "failed" : "killed", "Stopped", message);
}

/** The failure of a command whose launcher died before it could say whether it had started. */
export function lostFailure(): AttemptFailure {
  const message = "its launcher died, and whether it ever ran is not known";
  return buildFailure(new Error(message));
}

function failedBySignal(record: ExitRecord, signal: string): CommandOutcome {
  if (signal !== "SIGKILL") return failedBy(record, "failed", signal, `it was ended by ${signal}`);
  const message = "it was killed (SIGKILL), and not by its worker: by a person or by the machine";
  return failedBy(record, "killed", "SIGKILL", message);
}

function failedBy(
  { exitCode, signal, oom, stderrTail }: ExitRecord,
  cause: CommandFailureCause,
  name: string,
  message: string,
): CommandOutcome {
  const error = plainErrorRecord(name, message);
  return { type: "failed", cause, failure: { error, exitCode, signal, oom, stderrTail } };
}

async function finishedWith(
  record: ExitRecord,
  run: CommandRun,
  workDirectory: string,
): Promise<CommandOutcome> {
  try {
    const encoded = encodeValue(await resultOf(record, run, workDirectory), { root: "result" });
    const value = allocateValue(encoded.length);
    value.set(encoded);
    const durationUs = Math.max(0, record.endedAtMs - record.startedAtMs) * 1000;
    return { type: "finished", value, durationUs };
  } catch (error) {
    if (!(error instanceof CapstanError)) throw error;
    return failedBy(record, "failed", "ResultError", error.message);
  }
}

async function resultOf(
  record: ExitRecord,
  { result }: CommandRun,
  workDirectory: string,
): Promise<unknown> {
  if (result.type === "none") return undefined;
  if (result.type === "file") return readResultFile(workDirectory, result.path);
  if (record.resultTruncated) {
    const kept = `the first ${Buffer.byteLength(record.stdoutResult)} bytes`;
    throw noResult(`its standard output is longer than ${kept}: write a file, and name that`);
  }
  return result.type === "text" ? record.stdoutResult : parseOutput(record.stdoutResult);
}

function parseOutput(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const begins = JSON.stringify(text.slice(0, quotedOutputMax));
    const what = text === "" ? "it is empty" : `it begins with ${begins} (${reason})`;
    throw noResult(`its standard output is not JSON: ${what}`);
  }
}

async function readResultFile(workDirectory: string, path: string): Promise<Uint8Array> {
  const absolute = resolve(workDirectory, path);
  const within = relative(workDirectory, absolute);
  if (within === ".." || within.startsWith("../") || isAbsolute(within)) {
    throw noResult(`its result ${JSON.stringify(path)} is not in its work directory`);
  }
  try {
    // Without waiting: a named pipe would have nobody at its other end.
    const file = await open(absolute, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const stat = await file.stat();
      if (!stat.isFile()) throw noResult(`its result ${JSON.stringify(path)} is not a file`);
      if (stat.size > commandFileBytesMax) {
        const sizes = `${stat.size} bytes, at most ${commandFileBytesMax} are allowed`;
        throw noResult(`its result ${JSON.stringify(path)} has ${sizes}`);
      }
      return new Uint8Array(await file.readFile());
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof CapstanError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw noResult(`its result file ${JSON.stringify(path)} cannot be read: ${reason}`);
  }
}

function noResult(message: string): CapstanError {
  return new CapstanError("TASK_FAILED", `exit code 0, but ${message}`);
}
