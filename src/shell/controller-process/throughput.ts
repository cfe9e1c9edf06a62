/**
 * How many tasks ended in each step of the time just past: rings of counts, fed by totals that only
 * rise. The step that has not ended is not told, since it would look like a fall.
 *
 * @module
 */

import type { Responses } from "../api/schemas.ts";
import { throughputHistoryStepMs, throughputRecentStepMs, throughputSteps } from "./limits.ts";

/** How many tasks have ended since a state was begun. */
export interface EndedTasks {
  readonly succeeded: number;
  /** Otherwise than by success. */
  readonly failed: number;
}

type Series = Responses["GetOverview"]["recent"];

export class Throughput {
  readonly #recent = new CountRing(throughputRecentStepMs);
  readonly #history = new CountRing(throughputHistoryStepMs);
  /** Null before the first look: what ended before it is not of its time. */
  #known: EndedTasks | null = null;

  /** Counts what has ended since the last look, as of now. */
  observe(atMs: number, ended: EndedTasks): void {
    const known = this.#known ?? ended;
    this.#known = ended;
    const succeeded = ended.succeeded - known.succeeded;
    const failed = ended.failed - known.failed;
    this.#recent.add(atMs, succeeded, failed);
    this.#history.add(atMs, succeeded, failed);
  }

  /** The last minute by seconds and the last 15 minutes by 15 seconds. */
  series(atMs: number): { readonly recent: Series; readonly history: Series } {
    return { recent: this.#recent.series(atMs), history: this.#history.series(atMs) };
  }
}

/** Counts by steps that are whole multiples of their length. */
class CountRing {
  readonly #stepMs: number;
  // One more than is told: the step that has not ended.
  readonly #succeeded = new Float64Array(throughputSteps + 1);
  readonly #failed = new Float64Array(throughputSteps + 1);
  #step = 0;

  constructor(stepMs: number) {
    this.#stepMs = stepMs;
  }

  add(atMs: number, succeeded: number, failed: number): void {
    const place = this.#placeAt(atMs);
    this.#succeeded[place] += succeeded;
    this.#failed[place] += failed;
  }

  series(atMs: number): Series {
    this.#placeAt(atMs);
    const places = Array.from({ length: throughputSteps }, (_, index) => {
      return (this.#step + 1 + index) % this.#succeeded.length;
    });
    return {
      stepMs: this.#stepMs,
      endAt: new Date(this.#step * this.#stepMs).toISOString(),
      succeeded: places.map((place) => this.#succeeded[place]),
      failed: places.map((place) => this.#failed[place]),
    };
  }

  /** The place of the step at a time; those between it and the one before are emptied. */
  #placeAt(atMs: number): number {
    const step = Math.max(this.#step, Math.floor(atMs / this.#stepMs));
    const { length } = this.#succeeded;
    const first = Math.max(this.#step + 1, step - length + 1);
    for (let next = first; next <= step; next++) {
      this.#succeeded[next % length] = 0;
      this.#failed[next % length] = 0;
    }
    this.#step = step;
    return step % length;
  }
}
