/**
 * The tasks of the first graph: count the primes of a range, add counts up.
 *
 * @module
 */

import { defineTask } from "capstan";

/** How many primes there are from `from` up to and without `to`. */
export const countPrimes = defineTask(
  import.meta.url,
  function countPrimes(from: number, to: number): number {
    const composite = new Uint8Array(to - from);
    for (let factor = 2; factor * factor < to; factor++) {
      const first = Math.max(factor * factor, Math.ceil(from / factor) * factor);
      for (let multiple = first; multiple < to; multiple += factor) composite[multiple - from] = 1;
    }
    let count = 0;
    for (let n = Math.max(from, 2); n < to; n++) if (composite[n - from] === 0) count++;
    return count;
  },
);

/** The sum. */
export const total = defineTask(import.meta.url, function total(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0);
});
