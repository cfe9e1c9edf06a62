/**
 * Virtual time: a queue of things to do, in order of time and, at one time, in order of arrival.
 *
 * @module
 */

import type { Micros } from "../base/time.ts";

interface Entry {
  readonly at: Micros;
  readonly order: number;
  readonly action: () => void;
}

/** A binary heap of entries; each is moved once on its way, not swapped step by step. */
export class Timeline {
  readonly #heap: Entry[] = [];
  #scheduled = 0;
  now: Micros = 1_000_000;
  /** Called after each thing that was done. */
  watcher: (() => void) | null = null;

  get length(): number {
    return this.#heap.length;
  }

  /** Does `action` at `at`, or now if that has passed. */
  at(at: Micros, action: () => void): void {
    const heap = this.#heap;
    const entry = { at: at > this.now ? at : this.now, order: this.#scheduled++, action };
    let child = heap.length;
    heap.push(entry);
    while (child > 0) {
      const parent = (child - 1) >> 1;
      if (heap[parent].at <= entry.at) break; // The parent came first, at one time too.
      heap[child] = heap[parent];
      child = parent;
    }
    heap[child] = entry;
  }

  after(delayUs: number, action: () => void): void {
    this.at(this.now + delayUs, action);
  }

  /** Does the next thing, or what is late because `now` was set ahead; false for nothing left. */
  runNext(): boolean {
    const heap = this.#heap;
    if (heap.length === 0) return false;
    const next = heap[0];
    const last = heap.pop() as Entry;
    if (heap.length > 0) this.#sink(last);
    if (next.at > this.now) this.now = next.at;
    next.action();
    this.watcher?.();
    return true;
  }

  #sink(entry: Entry): void {
    const heap = this.#heap;
    const { length } = heap;
    let parent = 0;
    for (;;) {
      let child = 2 * parent + 1;
      if (child >= length) break;
      const right = child + 1;
      if (right < length && isBefore(heap[right], heap[child])) child = right;
      if (!isBefore(heap[child], entry)) break;
      heap[parent] = heap[child];
      parent = child;
    }
    heap[parent] = entry;
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
