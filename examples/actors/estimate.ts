/**
 * An estimate that becomes better with each sample, and where samples come from.
 *
 * @module
 */

import { defineActor, defineTask } from "capstan";

/** What is known so far. */
export interface Estimate {
  readonly samples: number;
  readonly mean: number;
  /** Of the mean. */
  readonly standardError: number;
}

/** Welford's running mean and variance: the samples themselves are kept nowhere. */
export const RunningMean = defineActor(
  import.meta.url,
  class RunningMean {
    #samples = 0;
    #mean = 0;
    #squares = 0;

    add(sample: number): Estimate {
      this.#samples++;
      const distance = sample - this.#mean;
      this.#mean += distance / this.#samples;
      this.#squares += distance * (sample - this.#mean);
      return this.estimate();
    }

    estimate(): Estimate {
      const variance = this.#samples < 2 ? Infinity : this.#squares / (this.#samples - 1);
      const standardError = Math.sqrt(variance / this.#samples);
      return { samples: this.#samples, mean: this.#mean, standardError };
    }
  },
);

/** Four times the share of random points that fall into the circle. */
export const throwDarts = defineTask(
  import.meta.url,
  function throwDarts(darts: number, seed: number): number {
    let inside = 0;
    let state = seed;
    const next = (): number => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state / 2 ** 32;
    };
    for (let i = 0; i < darts; i++) if (next() ** 2 + next() ** 2 <= 1) inside++;
    return (4 * inside) / darts;
  },
);
