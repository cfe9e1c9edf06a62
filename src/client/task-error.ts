/**
 * A failed task as its caller sees it.
 *
 * @module
 */

import { CapstanError, type ErrorCode, errorRegistry } from "../model/errors.ts";
import type { ErrorRecord, TaskFailure } from "../model/failure.ts";

/**
 * Why a task has no value. `code` says what kind of failure, `cause` is the error that the function
 * threw (rebuilt, with its own causes), `blame` names the task whose failure began it.
 */
export class TaskError extends CapstanError {
  /** The task that was asked for. */
  readonly task: string;
  /** The task that failed first: `task` itself, or one that it depends on. */
  readonly blame: string;
  /** The worker of the last attempt, or "". */
  readonly worker: string;
  /** How often it was tried. */
  readonly attempts: number;
  /** Exit code of the executor that ended, or null. */
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** The last lines that the task wrote to stderr. */
  readonly stderrTail: string;

  constructor(task: string, record: TaskFailure) {
    const { failure } = record;
    super(knownCode(record.code), record.message, {
      details: { code: record.code, task, blame: record.blame, workerId: record.workerId },
      ...(failure === null ? {} : { cause: rebuildError(failure.error) }),
    });
    this.name = "TaskError";
    this.task = task;
    this.blame = record.blame;
    this.worker = record.workerId;
    this.attempts = record.attempts;
    this.exitCode = failure?.exitCode ?? null;
    this.signal = failure?.signal ?? null;
    this.stderrTail = failure?.stderrTail ?? "";
  }
}

/** The code if this version knows it; a newer controller may send one that it does not. */
function knownCode(code: string): ErrorCode {
  return Object.hasOwn(errorRegistry, code) ? (code as ErrorCode) : "TASK_FAILED";
}

/** The error of a refusal or a reply, as it was sent. */
export function rebuildRefusal(error: {
  readonly code: string;
  readonly message: string;
  readonly details: unknown;
}): CapstanError {
  const known = Object.hasOwn(errorRegistry, error.code);
  const details = typeof error.details === "object" && error.details !== null ? error.details : {};
  return new CapstanError(known ? (error.code as ErrorCode) : "BUG", error.message, {
    details: { ...details },
  });
}

function rebuildError(record: ErrorRecord): Error {
  let cause: Error | undefined;
  for (const link of record.causes.toReversed()) {
    cause = named(new Error(link.message, cause === undefined ? {} : { cause }), link.name);
  }
  const error = new Error(record.message, cause === undefined ? {} : { cause });
  if (record.stack !== "") error.stack = record.stack;
  return named(error, record.name);
}

function named(error: Error, name: string): Error {
  Object.defineProperty(error, "name", { value: name, configurable: true, writable: true });
  return error;
}
