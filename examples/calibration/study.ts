/**
 * A calibration as a study: differential evolution looks for the rates of an epidemic.
 *
 *     npx capstan study run examples/calibration/study.ts --local 2
 *
 * Stop it with Ctrl-C and run it again: it goes on where it was.
 *
 * @module
 */

import { defineStudy, type Search } from "capstan";
import type { Parameters } from "../epidemic/model.ts";
import { DifferentialEvolution } from "./differential-evolution.ts";
import { epidemic, fit } from "./model.ts";

const waves = 5;

export const options = {
  name: "epidemic",
  replicates: 20,
  quorum: 15,
  seed: 1978,
  simulate: epidemic,
  aggregate: fit,
  replicateOptions: { timeout: "5s" },
} as const;

interface Fit {
  readonly loss: number;
}

/** Asks, simulates, tells. */
export const search: Search<Parameters, Fit> = async (study) => {
  const optimiser = new DifferentialEvolution({ beta: [0.5, 4], gamma: [0.1, 1] }, 8, 1978);
  for (let wave = 0; wave < waves; wave++) {
    const points = optimiser.ask();
    const results = await study.evaluate(points);
    optimiser.tell(
      points,
      results.map(({ value }) => value?.loss ?? Number.NaN),
    );
  }
};

export const study = defineStudy(options, search);
