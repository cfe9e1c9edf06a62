/**
 * Virtual time: a queue of things to do, in order of time and, at one time, in order of arrival.
 *
 * @module
 */

import { Heap } from "../base/heap.ts";
import type { Micros } from "../base/time.ts";

export class Timeline {
  readonly #heap = new Heap();
  readonly #actions = new Map<number, () => void>();
  #scheduled = 0;
  now: Micros = 1_000_000;
  /** Called after each thing that was done. */
  watcher: (() => void) | null = null;

  get length(): number {
    return this.#actions.size;
  }

  /** Does `action` at `at`, or now if that has passed. */
  at(at: Micros, action: () => void): void {
    const id = ++this.#scheduled;
    this.#actions.set(id, action);
    this.#heap.push(Math.max(at, this.now), id);
  }

  after(delayUs: number, action: () => void): void {
    this.at(this.now + delayUs, action);
  }

  /** Does the next thing; false when there is nothing left. */
  runNext(): boolean {
    if (this.#heap.length === 0) return false;
    this.now = this.#heap.peekKey();
    const id = this.#heap.pop();
    const action = this.#actions.get(id);
    this.#actions.delete(id);
    action?.();
    this.watcher?.();
    return true;
  }
}
