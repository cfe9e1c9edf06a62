/**
 * What happened in a simulated cluster, for people and for comparisons: the same seed and program
 * give the same trace.
 *
 * @module
 */

import { traceEntriesMax } from "./limits.ts";
import type { VirtualTime } from "./virtual-time.ts";

/** One thing that happened. */
export interface TraceEntry {
  /** Milliseconds since the cluster began. */
  readonly atMs: number;
  /** A worker's id, a client's user, or `"controller"`. */
  readonly who: string;
  /** For example `started simulate 3.17`. */
  readonly what: string;
}

export class Trace {
  readonly #time: VirtualTime;
  #entries: TraceEntry[] = [];

  constructor(time: VirtualTime) {
    this.#time = time;
  }

  add(who: string, what: string): void {
    this.#entries.push({ atMs: this.#time.elapsedMs, who, what });
    if (this.#entries.length <= traceEntriesMax) return;
    this.#entries = this.#entries.slice(traceEntriesMax / 4);
  }

  /** Oldest first. */
  get entries(): readonly TraceEntry[] {
    return this.#entries;
  }

  /** One line an entry: `    10.250 s  w1          started simulate 3.17`. */
  toString(): string {
    return this.#entries
      .map(({ atMs, who, what }) => `${(atMs / 1000).toFixed(3).padStart(10)} s  ${who}  ${what}`)
      .join("\n");
  }
}
