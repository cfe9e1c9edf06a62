/**
 * The tasks of a small study: simulate once, average many.
 *
 * @module
 */

import { defineTask } from "capstan";

/** One run of the model: where a walk of `steps` steps with this drift ends. */
export const simulate = defineTask(
  import.meta.url,
  function simulate(drift: number, seed: number): number {
    let state = seed * 2_654_435_761;
    let position = 0;
    for (let step = 0; step < 1_000; step++) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      position += state / 2 ** 32 - 0.5 + drift;
    }
    return position;
  },
);

/** The mean of the runs of one set. */
export const average = defineTask(
  import.meta.url,
  function average(ends: readonly number[]): number {
    return ends.reduce((sum, end) => sum + end, 0) / ends.length;
  },
);
