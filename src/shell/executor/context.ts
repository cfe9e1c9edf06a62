/**
 * What a running task can ask about itself. The executor enters a context around each execution;
 * what the function starts asynchronously stays in it.
 *
 * This module is loaded by clients too: it must not start threads or touch the network.
 *
 * @module
 */

import { AsyncLocalStorage } from "node:async_hooks";
import { CapstanError } from "../../model/errors.ts";

/** Writes to the worker's log, with the task's id. `fields` must be structured-cloneable. */
export interface TaskLogger {
  debug(message: string, fields?: { readonly [name: string]: unknown }): void;
  info(message: string, fields?: { readonly [name: string]: unknown }): void;
  warn(message: string, fields?: { readonly [name: string]: unknown }): void;
  error(message: string, fields?: { readonly [name: string]: unknown }): void;
}

/** The running task, as seen from inside. */
export interface TaskContext {
  /** The task's number within its cluster; `capstan why` and `capstan task show` take it. */
  readonly taskId: string;
  /** This try of it, for example `"3.17"`. */
  readonly attempt: string;
  /** The `workerId` of the worker that runs it. */
  readonly worker: string;
  /** Aborted when the task is cancelled or has timed out; after a grace its thread is ended. */
  readonly signal: AbortSignal;
  readonly logger: TaskLogger;
}

const contexts = new AsyncLocalStorage<TaskContext>();

/**
 * The context of the task that this code runs in.
 *
 * @throws CapstanError INVALID_ARGUMENT outside a task.
 */
export function getContext(): TaskContext {
  const context = contexts.getStore();
  if (context === undefined) {
    const message = "getContext() was called outside a running task";
    throw new CapstanError("INVALID_ARGUMENT", message);
  }
  return context;
}

/** For the executor: runs `run` inside `context`. */
export function runInContext<T>(context: TaskContext, run: () => T): T {
  return contexts.run(context, run);
}
