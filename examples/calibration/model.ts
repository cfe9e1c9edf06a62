/**
 * The tasks of the calibration: an epidemic that sometimes never ends, and how far a set of them is
 * from the record.
 *
 * @module
 */

import { defineReduction, defineTask } from "capstan";
import { type Curve, type Parameters, simulate } from "../epidemic/model.ts";
import { observedInBed } from "../epidemic/observed.ts";

/**
 * One epidemic. About one in four hundred hangs, as simulators do: their replicates time out, are
 * named, and the sets go on without them.
 */
export const epidemic = defineTask(
  import.meta.url,
  async function epidemic(parameters: Parameters, seed: number): Promise<Curve> {
    if (seed % 397 === 0) await new Promise(() => setInterval(() => undefined, 1_000));
    return simulate(parameters, seed);
  },
);

interface Sums {
  readonly perDay: readonly number[];
  readonly squaresPerDay: readonly number[];
  readonly count: number;
}

const noDays = observedInBed.map(() => 0);

/** Sums over curves travel instead of the curves: a set may have any number of replicates. */
export const fit = defineReduction(import.meta.url, {
  name: "fit",
  start: (): Sums => ({ perDay: noDays, squaresPerDay: noDays, count: 0 }),
  add: (sums, curve: Curve) => ({
    perDay: sums.perDay.map((sum, day) => sum + curve[day]),
    squaresPerDay: sums.squaresPerDay.map((sum, day) => sum + curve[day] ** 2),
    count: sums.count + 1,
  }),
  merge: (left, right) => ({
    perDay: left.perDay.map((sum, day) => sum + right.perDay[day]),
    squaresPerDay: left.squaresPerDay.map((sum, day) => sum + right.squaresPerDay[day]),
    count: left.count + right.count,
  }),
  finish: ({ perDay, squaresPerDay, count }) => {
    const mean = perDay.map((sum) => sum / count);
    const spread = squaresPerDay.map((sum, day) =>
      Math.sqrt(Math.max(0, sum / count - mean[day] ** 2)),
    );
    const squares = mean.map((boys, day) => (boys - observedInBed[day]) ** 2);
    return {
      loss: Math.sqrt(squares.reduce((sum, one) => sum + one, 0) / mean.length),
      mean,
      spread,
    };
  },
});
