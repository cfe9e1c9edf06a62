/**
 * What it means that a process ended while it ran a function, or before it could.
 *
 * @module
 */

import type { AttemptFailure } from "../../model/failure.ts";
import type { ExitRecord } from "../launcher/exit-record.ts";
import { lostFailure, outOfMemory } from "./command-outcome.ts";
import { plainErrorRecord } from "./error-record.ts";
import type { FailureCause } from "./execution.ts";

export type ProcessOutcome =
  | { readonly type: "failed"; readonly cause: FailureCause; readonly failure: AttemptFailure }
  /** The machine had nothing left to start it with. */
  | { readonly type: "refused"; readonly message: string };

/** What it was at. */
export interface ProcessMoment {
  /** It had been told what to run. */
  readonly isSent: boolean;
  /** Its module was being loaded. */
  readonly isLoading: boolean;
  /** What it had said that made no sense; "" for nothing. */
  readonly reason: string;
}

/** The text in which the engine says that its heap is full; it aborts behind it. */
const heapIsFull = "JavaScript heap out of memory";

export function judgeProcessEnd(record: ExitRecord | null, at: ProcessMoment): ProcessOutcome {
  if (record === null) return { type: "failed", cause: "killed", failure: lostFailure() };
  if (record.kind === "start-refused") return { type: "refused", message: record.message };
  if (record.oom) return failedBy(record, "oom", "OutOfMemory", outOfMemory(record));
  if (record.stderrTail.includes(heapIsFull)) {
    const message = "its JavaScript heap is full: ask for more memory, or let it use less";
    return failedBy(record, "oom", "OutOfMemory", message);
  }
  if (at.reason !== "") return failedBy(record, "exited", "ProcessExit", at.reason);
  if (record.kind === "start-failed") {
    return failedBy(record, "exited", "StartError", record.message);
  }
  if (record.stop === "lease" || record.kind === "lost" || isKilledByOthers(record)) {
    return failedBy(record, "killed", "ProcessKilled", killedBy(record));
  }
  const cause = at.isSent && at.isLoading ? "module-unloadable" : "exited";
  return failedBy(record, cause, "ProcessExit", exitText(record, at));
}

function isKilledByOthers({ signal, stop }: ExitRecord): boolean {
  return signal === "SIGKILL" && stop === "none";
}

function killedBy({ kind, message, stop }: ExitRecord): string {
  if (kind === "lost") return message;
  if (stop === "lease") return "it was ended because its worker could not be reached any more";
  return "it was killed (SIGKILL), and not by its worker: by a person or by the machine";
}

function exitText({ exitCode, signal }: ExitRecord, at: ProcessMoment): string {
  const how = signal === null ? `exit code ${exitCode}` : `signal ${signal}`;
  if (!at.isSent) return `the function's process ended with ${how} before it could begin`;
  const during = at.isLoading ? "while its module was imported" : "under the task";
  return `the function's process ended ${during} with ${how}`;
}

function failedBy(
  { exitCode, signal, stderrTail }: ExitRecord,
  cause: FailureCause,
  name: string,
  message: string,
): ProcessOutcome {
  const oom = cause === "oom";
  const error = plainErrorRecord(name, message);
  return { type: "failed", cause, failure: { error, exitCode, signal, oom, stderrTail } };
}
