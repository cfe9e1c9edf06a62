/**
 * The handle of one actor: what `client.createActor` returns.
 *
 * The actor lives while its handle is held. When the last reference to it is gone, or `release` is
 * called, the calls that were made still run, and then it ends. A handle does not travel: who wants
 * to call an actor from elsewhere submits what is to be said through its client.
 *
 * @module
 */

import { CapstanError } from "../model/errors.ts";
import type { MethodArguments, MethodName, MethodResult, RemoteMethods } from "./actor.ts";
import {
  type Explanation,
  type Future,
  type FutureStatus,
  handleOf,
  type Story,
  sessionOf,
} from "./future.ts";
import { futureState } from "./future-table.ts";
import type { TaskError } from "./task-error.ts";
import { checkWaitLimits, untilSettled, type WaitLimits } from "./waiting.ts";

/** Submits a call of a method. */
export type CallSubmitter = (method: string, args: readonly unknown[]) => Future<unknown>;

export class Actor<O extends object> {
  readonly #future: Future<unknown>;
  readonly #submit: CallSubmitter;

  /** Made by `client.createActor`. */
  constructor(future: Future<unknown>, submit: CallSubmitter) {
    this.#future = future;
    this.#submit = submit;
  }

  /** The actor's task, `/user/graph-7/12`: what the command line takes. */
  get id(): string {
    return this.#future.id;
  }

  /**
   * `pending` until its object is made, then `running`; `failed`, `cancelled` or `lost` once it has
   * ended.
   */
  get status(): FutureStatus {
    return this.#future.status;
  }

  /**
   * Calls a method, and returns the future of what it returns at once. Calls run one by one in the
   * order in which they were made, at most once each; a future is accepted wherever its value's
   * type is, and holds this call back, and those behind it, until its value is there.
   *
   * A call that fails fails only itself. When the actor has ended, what it had not answered rejects
   * with its failure, or with ACTOR_LOST where it may have run. Throws as `client.submit` does.
   */
  call<N extends MethodName<O>>(
    method: N,
    args: MethodArguments<O, N>,
  ): Future<MethodResult<O, N>> {
    return this.#submit(method, args as readonly unknown[]) as Future<MethodResult<O, N>>;
  }

  /** The same as methods: `actor.methods.add(2)`. */
  get methods(): RemoteMethods<O> {
    const get = (_: object, method: string | symbol): unknown => {
      if (typeof method === "symbol" || method === "then") return undefined;
      return (...args: readonly unknown[]) => this.#submit(method, args);
    };
    return new Proxy({}, { get }) as RemoteMethods<O>;
  }

  /**
   * Waits until the actor has ended, and resolves to why: a `TaskError`, whoever ended it. Of one
   * that was released it is known at once: TASK_CANCELLED. To wait for it keeps it from nothing.
   */
  async ended(limits: WaitLimits = {}): Promise<TaskError | CapstanError> {
    checkWaitLimits(limits);
    const handle = handleOf(this.#future);
    await untilSettled([handle], { ...limits, count: 1 });
    if (handle.table.state(handle.number) !== futureState.released) {
      return sessionOf(this.#future).errorOf(handle.number);
    }
    const message = "The actor was released: it ends when the calls that were made have ended.";
    return new CapstanError("TASK_CANCELLED", message);
  }

  /** Ends the actor at once; calls that it has not answered are cancelled, or fail. */
  cancel(reason?: string): void {
    this.#future.cancel(reason);
  }

  /** Ends the actor after the calls that were made; later ones throw. */
  release(): void {
    this.#future.release();
  }

  [Symbol.dispose](): void {
    this.release();
  }

  /** Why it is not running, or what it is asked to do, as the controller's `Explain` answers. */
  explain(): Promise<Explanation> {
    return this.#future.explain();
  }

  /** What happened to it, as the controller's `GetStory` answers. */
  story(): Promise<Story> {
    return this.#future.story();
  }
}
