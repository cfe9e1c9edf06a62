/**
 * Futures in the order in which they end.
 *
 * @module
 */

import { type Future, handleOf } from "./future.ts";
import type { FutureTable, Watcher } from "./future-table.ts";
import { futureState } from "./future-table.ts";
import { machineClock, type WaitClock } from "./wait-clock.ts";
import { checkWaitLimits, limited, type Waiting, type WaitLimits } from "./waiting.ts";

/**
 * An async iterable over futures as they get their outcomes, failed ones too; each is given once.
 * It ends when nothing that was added is left. `add` may be called at any time before that.
 */
export class Completions<T> implements AsyncIterableIterator<Future<T>>, Watcher, Waiting {
  readonly #limits: WaitLimits;
  /** By table and number; the same future twice is one. */
  readonly #waiting = new Map<FutureTable, Map<number, Future<T>>>();
  readonly #ended: Future<T>[] = [];
  #given = 0;
  #waitingCount = 0;
  #isOver = false;
  #wake: ((error: unknown) => void) | null = null;
  #failure: unknown = null;

  constructor(limits: WaitLimits) {
    this.#limits = limits;
  }

  /** How many have not been given yet. */
  get size(): number {
    return this.#waitingCount + this.#ended.length - this.#given;
  }

  add(...futures: readonly Future<T>[]): void {
    this.addAll(futures);
  }

  addAll(futures: Iterable<Future<T>>): void {
    for (const future of futures) this.#addOne(future);
  }

  async next(): Promise<IteratorResult<Future<T>, undefined>> {
    if (this.#isOver) return { done: true, value: undefined };
    if (this.#given === this.#ended.length || this.#failure !== null) {
      if (this.#failure === null && this.#waitingCount === 0) return this.return();
      await limited(this.#limits, this.#clock(), this);
    }
    const future = this.#ended[this.#given];
    this.#given++;
    if (this.#given === 4096) {
      this.#ended.splice(0, this.#given);
      this.#given = 0;
    }
    return { done: false, value: future };
  }

  async return(): Promise<IteratorResult<Future<T>, undefined>> {
    this.#isOver = true;
    for (const [table, futures] of this.#waiting) {
      for (const number of futures.keys()) table.unwatch(number, this);
    }
    this.#waiting.clear();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  onSettled(table: FutureTable, number: number): void {
    const futures = this.#waiting.get(table);
    const future = futures?.get(number);
    if (future === undefined) return;
    futures?.delete(number);
    this.#waitingCount--;
    this.#ended.push(future);
    if (table.state(number) === futureState.lost) this.#failure ??= table.closedWith;
    this.#wake?.(this.#failure);
  }

  begin(end: (error: unknown) => void): void {
    if (this.#failure === null) this.#wake = end;
    else end(this.#failure);
  }

  abandon(): void {
    this.#wake = null;
  }

  describe(): string {
    return `the next of ${this.#waitingCount} tasks`;
  }

  /** Of whoever is waited for. */
  #clock(): WaitClock {
    const [table] = this.#waiting.keys();
    return table?.clock ?? machineClock;
  }

  #addOne(future: Future<T>): void {
    const { table, number } = handleOf(future);
    let futures = this.#waiting.get(table);
    if (futures === undefined) {
      futures = new Map();
      this.#waiting.set(table, futures);
    }
    if (futures.has(number)) return;
    futures.set(number, future);
    this.#waitingCount++;
    if (!table.watch(number, this)) this.onSettled(table, number);
  }
}

/**
 * The futures as they end: `for await (const future of asCompleted(futures))`. A failed task ends
 * like any other: ask its `result()`. The iteration rejects with TIMED_OUT when no task ends within
 * `timeoutMs`, with the signal's reason, or with CLIENT_CLOSED.
 */
export function asCompleted<T>(
  futures: Iterable<Future<T>>,
  limits: WaitLimits = {},
): Completions<T> {
  checkWaitLimits(limits);
  const completions = new Completions<T>(limits);
  completions.addAll(futures);
  return completions;
}
