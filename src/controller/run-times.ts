/**
 * How long the tasks of a kind ran: of each spec a small histogram, so that something that runs
 * much longer than its kind can be told. A spec is a function, or the program of a job, with its
 * options.
 *
 * A fold of durable facts, and a part of the snapshot: what was usual is known after a restart too.
 *
 * @module
 */

import type { Micros } from "../base/time.ts";
import { hangSamplesMin, runTimesMax } from "./limits.ts";

/** Four to each doubling, from `finestUs` up to six days; in the last place, how many there are. */
const bucketCount = 128;
const finestUs = 256;
const total = bucketCount;

/** One spec's histogram, for snapshots. */
export type RunTimesImage = readonly (readonly [spec: number, counts: Uint16Array])[];

export class RunTimes {
  readonly #bySpec = new Map<number, Uint16Array>();
  // Runs of one spec often end together.
  #lastSpec = -1;
  #last: Uint16Array = new Uint16Array(0);

  /** One has finished. `ranUs` 0: it was over before anybody said that it had begun. */
  add(spec: number, ranUs: Micros): void {
    if (spec !== this.#lastSpec) this.#turnTo(spec);
    const counts = this.#last;
    counts[bucketOf(ranUs)]++;
    if (++counts[total] >= runTimesMax) halve(counts);
  }

  /** What 95 of 100 took at most, in microseconds, to a quarter of it; null of too few. */
  p95(spec: number): Micros | null {
    const counts = this.#bySpec.get(spec);
    if (counts === undefined || counts[total] < hangSamplesMin) return null;
    let above = Math.floor(counts[total] * 0.05);
    let bucket = bucketCount - 1;
    while (bucket > 0 && counts[bucket] <= above) above -= counts[bucket--];
    return endOf(bucket);
  }

  /** The spec is gone. */
  forget(spec: number): void {
    this.#bySpec.delete(spec);
    if (spec === this.#lastSpec) this.#lastSpec = -1;
  }

  image(): RunTimesImage {
    return [...this.#bySpec].map(([spec, counts]) => [spec, counts.slice()]);
  }

  restore(image: RunTimesImage): void {
    for (const [spec, counts] of image) this.#bySpec.set(spec, Uint16Array.from(counts));
  }

  #turnTo(spec: number): void {
    let counts = this.#bySpec.get(spec);
    if (counts === undefined) {
      counts = new Uint16Array(bucketCount + 1);
      this.#bySpec.set(spec, counts);
    }
    this.#lastSpec = spec;
    this.#last = counts;
  }
}

/** What was long ago counts less. */
function halve(counts: Uint16Array): void {
  let left = 0;
  for (let bucket = 0; bucket < bucketCount; bucket++) {
    counts[bucket] >>= 1;
    left += counts[bucket];
  }
  counts[total] = left;
}

function bucketOf(ranUs: Micros): number {
  const units = Math.min(0x7fffffff, Math.floor(ranUs / finestUs));
  if (units < 4) return units;
  const doublings = 31 - Math.clz32(units);
  return (doublings - 1) * 4 + ((units >> (doublings - 2)) & 3);
}

/** Nothing of the bucket ran for longer, microseconds. */
function endOf(bucket: number): Micros {
  if (bucket < 4) return (bucket + 1) * finestUs;
  return (5 + (bucket & 3)) * 2 ** ((bucket >> 2) - 1) * finestUs;
}
