/**
 * Which workers changed, and since when: what lets an index of them catch up with no more work than
 * there were changes.
 *
 * The log forgets its beginning when it is long. A reader that had read no further than that has to
 * look at all workers once, which costs as much as the changes that it missed.
 *
 * @module
 */

import { changesPerWorkerMax } from "./limits.ts";

export class ChangeLog {
  #entries: number[] = [];
  /** Worker → position of its latest entry. */
  readonly #latest: number[] = [];
  #start = 0;
  /** No reader stands behind it. */
  #read = 0;

  /** Readers that stand before it have to look at every worker. */
  get start(): number {
    return this.#start;
  }

  get end(): number {
    return this.#start + this.#entries.length;
  }

  /** Where a reader stands who has caught up. */
  read(): number {
    this.#read = this.end;
    return this.#read;
  }

  /** Something that placement looks at has changed, or may have, on this worker. */
  mark(worker: number): void {
    if (this.#latest[worker] >= this.#read) return; // Everybody has that before them.
    if (this.#entries.length >= changesPerWorkerMax * (this.#latest.length + 16)) {
      this.#start = this.end;
      this.#entries = [];
    }
    this.#latest[worker] = this.end;
    this.#entries.push(worker);
  }

  /** Visits each worker that changed since `position` once. Marks nothing meanwhile. */
  forEachSince(position: number, visit: (worker: number) => void): void {
    for (let at = position; at < this.end; at++) {
      const worker = this.#entries[at - this.#start];
      if (this.#latest[worker] === at) visit(worker);
    }
  }
}
