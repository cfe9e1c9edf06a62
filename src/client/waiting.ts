/**
 * Waiting for futures: one watcher and one counter for any number of them.
 *
 * @module
 */

import { CapstanError } from "../model/errors.ts";
import { invalidArgument, parseFields } from "../model/parse-fields.ts";
import { type Future, handleOf } from "./future.ts";
import type { FutureTable, Watcher } from "./future-table.ts";
import { futureState } from "./future-table.ts";
import { machineClock, type WaitClock } from "./wait-clock.ts";

/** How long a wait may take, and what may end it early. */
export interface WaitLimits {
  /** Ends the wait, which rejects with the signal's reason. The tasks go on. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds until the wait rejects with TIMED_OUT. Default: none. The tasks go on. */
  readonly timeoutMs?: number | undefined;
}

/** Throws INVALID_ARGUMENT for what is no plain object, or has another name than these. */
export function checkWaitLimits(limits: WaitLimits, more: readonly string[] = []): void {
  parseFields("", limits, ["signal", "timeoutMs", ...more]);
}

/** What is left of the limits, for a wait of several steps. */
export function countDown({ signal, timeoutMs }: WaitLimits, clock: WaitClock): () => WaitLimits {
  if (timeoutMs === undefined) return () => ({ signal });
  const end = clock.nowMs() + timeoutMs;
  return () => ({ signal, timeoutMs: Math.max(0, Math.round(end - clock.nowMs())) });
}

/** A task and the table that knows it. */
export interface Handle {
  readonly table: FutureTable;
  readonly number: number;
}

interface SettleOptions extends WaitLimits {
  /** How many must have an outcome. */
  readonly count: number;
  /** End at the first task without a value. */
  readonly stopAtFailure?: boolean;
}

/**
 * Resolves when `count` of the tasks have an outcome. Rejects with TIMED_OUT, with the signal's
 * reason, or with CLIENT_CLOSED; never with what became of a task.
 */
export function untilSettled(handles: readonly Handle[], options: SettleOptions): Promise<void> {
  const wait = new SettleWait(handles, options);
  return limited(options, handles[0]?.table.clock ?? machineClock, wait);
}

/** Something that a promise waits for. */
export interface Waiting {
  /** Begins; `end(null)` is success, `end(error)` failure, and may be called at once. */
  begin(end: (error: unknown) => void): void;
  /** The wait is over, however it ended. */
  abandon(): void;
  /** What was waited for, for people. */
  describe(): string;
  /** Whether something goes on although nobody waits for it any more. Default true. */
  readonly isWork?: boolean;
}

/** A promise of `waiting` within limits. */
export function limited(
  { signal, timeoutMs }: WaitLimits,
  clock: WaitClock,
  waiting: Waiting,
): Promise<void> {
  if (timeoutMs !== undefined) checkTimeout(timeoutMs);
  if (signal?.aborted === true) return Promise.reject(signal.reason);
  return new Promise((resolve, reject) => {
    let stopTimer = (): void => undefined;
    let stopWaiting = (): void => undefined;
    let isOver = false;
    const end = (error: unknown): void => {
      if (isOver) return;
      isOver = true;
      stopTimer();
      stopWaiting();
      signal?.removeEventListener("abort", onAbort);
      waiting.abandon();
      if (error === null) resolve();
      else reject(error);
    };
    const onAbort = (): void => end(signal?.reason ?? new DOMException("aborted", "AbortError"));
    waiting.begin(end);
    if (isOver) return;
    signal?.addEventListener("abort", onAbort, { once: true });
    if (timeoutMs !== undefined) {
      stopTimer = clock.after(timeoutMs, () => end(timedOut(timeoutMs, waiting)));
    }
    stopWaiting = clock.waits({ describe: () => waiting.describe(), fail: end });
  });
}

function timedOut(timeoutMs: number, waiting: Waiting): CapstanError {
  const { isWork = true } = waiting;
  const end = isWork ? "; the work goes on." : ".";
  const message = `Waited ${timeoutMs} ms for ${waiting.describe()}${end}`;
  return new CapstanError("TIMED_OUT", message);
}

/** Throws INVALID_ARGUMENT for a timeout that is no number of milliseconds. */
export function checkTimeout(timeoutMs: number): void {
  if (typeof timeoutMs === "number" && timeoutMs >= 0) return;
  throw new CapstanError("INVALID_ARGUMENT", "timeoutMs: expected a number of milliseconds");
}

class SettleWait implements Watcher, Waiting {
  readonly #handles: readonly Handle[];
  readonly #stopAtFailure: boolean;
  #remaining: number;
  #end: ((error: unknown) => void) | null = null;

  constructor(handles: readonly Handle[], { count, stopAtFailure = false }: SettleOptions) {
    this.#handles = handles;
    this.#stopAtFailure = stopAtFailure;
    this.#remaining = count;
  }

  begin(end: (error: unknown) => void): void {
    this.#end = end;
    if (this.#remaining <= 0) end(null);
    if (this.#end === null) return;
    for (const { table, number } of this.#handles) {
      if (!table.watch(number, this)) this.onSettled(table, number);
      if (this.#end === null) return;
    }
  }

  abandon(): void {
    this.#end = null;
    if (this.#remaining <= 0) return;
    for (const { table, number } of this.#handles) table.unwatch(number, this);
  }

  describe(): string {
    const { length } = this.#handles;
    return length === 1 ? "a task" : `${this.#remaining} more of ${length} tasks`;
  }

  onSettled(table: FutureTable, number: number): void {
    if (this.#end === null) return;
    this.#remaining--;
    const state = table.state(number);
    if (state === futureState.lost && table.closedWith !== null) this.#end(table.closedWith);
    else if (this.#remaining <= 0) this.#end(null);
    else if (this.#stopAtFailure && isFailure(state)) this.#end(null);
  }
}

/** Whether a task in this state ended without a value. */
export function isFailure(state: number): boolean {
  return state >= futureState.failed;
}

/** What `wait` found: `done` have an outcome of any kind. */
export interface WaitResult<T> {
  readonly done: readonly Future<T>[];
  readonly pending: readonly Future<T>[];
}

export interface WaitOptions extends WaitLimits {
  /** How many outcomes to wait for. Default `"all"`. */
  readonly count?: "all" | "first" | undefined;
}

/**
 * Waits until all futures (or the first) have an outcome, whatever it is. Never throws what a task
 * threw; rejects with TIMED_OUT, the signal's reason, or CLIENT_CLOSED.
 */
export async function wait<T>(
  futures: Iterable<Future<T>>,
  options: WaitOptions = {},
): Promise<WaitResult<T>> {
  checkWaitLimits(options, ["count"]);
  const { count: wanted = "all" } = options;
  if (wanted !== "all" && wanted !== "first") {
    throw invalidArgument("count", wanted, 'one of "all", "first"');
  }
  const list = [...futures];
  const handles = list.map(handleOf);
  const count = wanted === "first" ? Math.min(1, list.length) : list.length;
  await untilSettled(handles, { ...options, count });
  const isDone = handles.map(({ table, number }) => table.isSettled(number));
  return {
    done: list.filter((_, i) => isDone[i]),
    pending: list.filter((_, i) => !isDone[i]),
  };
}
