/**
 * What a running task can ask about itself, and the client with which it submits tasks of its own.
 *
 * @module
 */

import { CapstanError } from "../model/errors.ts";
import {
  type RunningTask,
  runningTask,
  type TaskContext as ShellTaskContext,
  type TaskGang,
  type TaskLogger,
} from "../shell/executor/context.ts";
import { Client } from "./client.ts";
import { sessionInside } from "./task-session.ts";

export type { GangPeer, TaskGang } from "../shell/executor/context.ts";

/** The running task, as seen from inside. */
export interface TaskContext extends ShellTaskContext {
  /**
   * Submits tasks as this task's user; they run before this task's siblings (their priority is one
   * higher unless it is given). While the task waits for them its slot and its CPU are free for
   * others, so tasks that submit tasks cannot wait for each other in a circle. When the task ends
   * its futures are released, and what nobody else wants is cancelled. There is nothing to close.
   */
  readonly client: Client;
}

/**
 * The context of the task that this code runs in.
 *
 * @throws CapstanError INVALID_ARGUMENT outside a task.
 */
export function getContext(): TaskContext {
  const task = runningTask();
  if (task === null) {
    const message = "getContext() was called outside a running task";
    throw new CapstanError("INVALID_ARGUMENT", message);
  }
  let context = contexts.get(task);
  if (context === undefined) {
    context = new InsideContext(task);
    contexts.set(task, context);
  }
  return context;
}

const contexts = new WeakMap<RunningTask, InsideContext>();

class InsideContext implements TaskContext {
  /** Of its own, because people take their context apart: `const { progress } = getContext()`. */
  readonly progress: (fraction: number, note?: string) => void;
  readonly #task: RunningTask;
  #client: Client | null = null;

  constructor(task: RunningTask) {
    this.#task = task;
    this.progress = (fraction, note) => task.progress(fraction, note);
  }

  get taskId(): string {
    return this.#task.taskId;
  }

  get attempt(): string {
    return this.#task.attempt;
  }

  get worker(): string {
    return this.#task.worker;
  }

  get signal(): AbortSignal {
    return this.#task.signal;
  }

  get logger(): TaskLogger {
    return this.#task.logger;
  }

  get gang(): TaskGang | undefined {
    return this.#task.gang;
  }

  get client(): Client {
    this.#client ??= new Client(sessionInside(this.#task));
    return this.#client;
  }
}
