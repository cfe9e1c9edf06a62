/**
 * The handle of one task: what `submit` returns at once.
 *
 * A future holds no promise until it is asked for its result, and is not thenable: an async
 * function that returns one does not wait for it. When the last reference to it is gone, or
 * `release` is called, the value may be dropped once the task has ended; the task itself is not
 * cancelled.
 *
 * @module
 */

import { CapstanError } from "../model/errors.ts";
import { invalidArgument } from "../model/parse-fields.ts";
import { reasonCharactersMax } from "./limits.ts";
import type { Session } from "./session.ts";
import type { TaskError } from "./task-error.ts";
import { checkWaitLimits, type Handle, type WaitLimits } from "./waiting.ts";

/** What became of a task, as its client knows it. */
export type FutureStatus = "pending" | "running" | "succeeded" | "failed" | "cancelled" | "lost";

/** The session of a future. For the rest of the client only. */
export let sessionOf: (future: Future<unknown>) => Session;

/** The number of a future's task. For the rest of the client only. */
export let numberOf: (future: Future<unknown>) => number;

/** The task of a future as the waits know it. */
export function handleOf(future: Future<unknown>): Handle {
  return { table: sessionOf(future).table, number: numberOf(future) };
}

function notAFuture(value: unknown): CapstanError {
  const expected = "a future, as submit() returns it; an actor is none, its calls are";
  return invalidArgument("future", value, expected);
}

export class Future<T> {
  readonly #session: Session;
  readonly #number: number;

  static {
    sessionOf = (future) => {
      if (typeof future === "object" && future !== null && #session in future)
        return future.#session;
      throw notAFuture(future);
    };
    numberOf = (future) => future.#number;
  }

  /** Made by `submit` and `map`. */
  constructor(session: Session, number: number) {
    this.#session = session;
    this.#number = number;
  }

  /**
   * The task's key: the one given, for a pure task the one of its content, which it has once it was
   * sent, else its id.
   */
  get key(): string {
    return this.#session.keyOf(this.#number);
  }

  /** The task's id on the cluster, `/user/graph-7/12`: what the command line takes. */
  get id(): string {
    return this.#session.taskIdOf(this.#number);
  }

  get status(): FutureStatus {
    return this.#session.statusOf(this.#number);
  }

  /**
   * The value, fetched and decoded when first asked for, the same one ever after. Rejects with the
   * task's `TaskError`; with the refusal (a `CapstanError`) if the submit was refused; with
   * TIMED_OUT, the signal's reason or CLIENT_CLOSED if the wait ended first.
   */
  async result(limits: WaitLimits = {}): Promise<T> {
    checkWaitLimits(limits);
    return this.#session.result(this.#number, limits) as Promise<T>;
  }

  /** Waits like `result`, and resolves to the error, or to null if there is a value. */
  async exception(limits: WaitLimits = {}): Promise<TaskError | CapstanError | null> {
    checkWaitLimits(limits);
    return this.#session.exception(this.#number, limits);
  }

  /**
   * Asks to cancel the task, and with it what depends on it. One that has ended stays as it is. A
   * long reason is cut. Throws INVALID_ARGUMENT for one that is no string.
   */
  cancel(reason = "cancelled by its client"): void {
    if (typeof reason !== "string") throw invalidArgument("reason", reason, "a string");
    this.#session.cancel(this.#number, reason.slice(0, reasonCharactersMax));
  }

  /** Runs a failed or cancelled task again, with the failed tasks that it depends on. */
  retry(): void {
    this.#session.retry(this.#number);
  }

  /**
   * Lets the task go on when this client is gone, with what it needs; its value goes when nobody
   * wants it. Resolves when the controller has that on disk; for what has ended, or is scattered,
   * it means nothing. Give a value that is to stay a name instead, with `client.publish`.
   */
  detach(): Promise<void> {
    return this.#session.sharing.detach(this.#number);
  }

  /** Lets go of the value. Later calls of `result` reject; those that wait still get it. */
  release(): void {
    this.#session.table.release(this.#number);
  }

  [Symbol.dispose](): void {
    this.release();
  }

  /**
   * Why the task is not running, as the controller's `Explain` answers. It is asked once the submit
   * was sent, which may wait for the task's module to be brought over. Rejects with the refusal if
   * the submit was refused.
   */
  explain(): Promise<Explanation> {
    return this.#session.callAbout(this.#number, "Explain") as Promise<Explanation>;
  }

  /** How far the running task says it is (see `TaskContext.progress`); null if it says nothing. */
  async progress(): Promise<TaskProgress | null> {
    try {
      const answer = await this.#session.call("GetTaskStatus", { taskId: this.id });
      return (answer as { readonly task: { readonly progress: TaskProgress | null } }).task
        .progress;
    } catch (error) {
      // It is on its way to the controller, or forgotten there.
      if (error instanceof CapstanError && error.code === "NOT_FOUND") return null;
      throw error;
    }
  }

  /** What happened to the task, as the controller's `GetStory` answers; asked as `explain` asks. */
  story(): Promise<Story> {
    return this.#session.callAbout(this.#number, "GetStory") as Promise<Story>;
  }
}

/** How far a running task says it is. */
export interface TaskProgress {
  /** From 0 to 1. */
  readonly fraction: number;
  /** "" for none. */
  readonly note: string;
  /** When the controller heard it, RFC 3339. */
  readonly at: string;
}

/** The answer of `Explain`; see the API reference. Fields that are not named here may be added. */
export interface Explanation {
  readonly id: string;
  readonly kind: string;
  readonly state: string;
  readonly summary: string;
  readonly canRunNow: boolean;
  readonly canEverRun: boolean;
  readonly reasons: readonly { readonly code: string; readonly message: string }[];
  readonly wakers: readonly {
    readonly kind: string;
    readonly id: string;
    readonly message: string;
  }[];
  readonly [field: string]: unknown;
}

/** The answer of `GetStory`: what happened, oldest first. */
export interface Story {
  readonly [field: string]: unknown;
}
