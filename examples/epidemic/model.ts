/**
 * The two tasks of the calibration: one stochastic epidemic, and the verdict on many of them.
 *
 * A chain-binomial SIR model: in each small step every susceptible boy is infected with probability
 * 1 - exp(-beta * I / N * step) and every ill one recovers with probability 1 - exp(-gamma * step).
 * In bed are the ill.
 *
 * @module
 */

import { defineTask } from "capstan";
import { dayCount, observedInBed, populationCount } from "./observed.ts";
import { binomial, randomStream } from "./random.ts";

/** Rates per day. */
export interface Parameters {
  /** How many boys an ill one would infect in a day, were all others susceptible. */
  readonly beta: number;
  /** How fast the ill recover: 1 / gamma is the mean length of the illness in days. */
  readonly gamma: number;
}

/** Boys in bed on each day. */
export type Curve = readonly number[];

/** What all simulations of one parameter set say together. */
export interface Verdict {
  /** Mean over the simulations, per day. */
  readonly mean: Curve;
  /** The 5 %, 50 % and 95 % quantiles, per day. */
  readonly low: Curve;
  readonly median: Curve;
  readonly high: Curve;
  /**
   * Root mean square distance of `median` from the counts, in boys. Not of the mean: epidemics
   * that start at different moments average to one that is flatter than each of them.
   */
  readonly loss: number;
  readonly replicates: number;
}

/** Steps of the simulation in a day: one minute each. */
const stepsPerDay = 1_440;

/** Ill on the first day of the record. */
const initiallyInfected = observedInBed[0] ?? 1;

/** One epidemic: boys in bed on each of `days` days, a function of the parameters and the seed. */
export const simulate = defineTask(
  import.meta.url,
  function simulate(parameters: Parameters, seed: number, days: number = dayCount): Curve {
    const random = randomStream(seed);
    const recovery = 1 - Math.exp(-parameters.gamma / stepsPerDay);
    const force = parameters.beta / populationCount / stepsPerDay;
    let infected = initiallyInfected;
    let susceptible = populationCount - infected;
    const inBed = [infected];
    for (let step = 1; inBed.length < days; step++) {
      const infections = binomial(random, susceptible, 1 - Math.exp(-force * infected));
      const recoveries = binomial(random, infected, recovery);
      susceptible -= infections;
      infected += infections - recoveries;
      if (step % stepsPerDay === 0) inBed.push(infected);
    }
    return inBed;
  },
);

/** How well the simulations of one parameter set fit the counts. Takes one curve per simulation. */
export const score = defineTask(import.meta.url, function score(...curves: Curve[]): Verdict {
  const days = observedInBed.map((_count, day) => day);
  const sorted = days.map((day) =>
    curves.map((curve) => curve[day] ?? 0).sort((left, right) => left - right),
  );
  const median = sorted.map((counts) => quantile(counts, 0.5));
  const squares = days.map((day) => (median[day] - observedInBed[day]) ** 2);
  return {
    mean: sorted.map((counts) => counts.reduce((sum, count) => sum + count, 0) / counts.length),
    low: sorted.map((counts) => quantile(counts, 0.05)),
    median,
    high: sorted.map((counts) => quantile(counts, 0.95)),
    loss: Math.sqrt(squares.reduce((sum, square) => sum + square, 0) / days.length),
    replicates: curves.length,
  };
});

/** Linear between the two nearest of the sorted counts. */
function quantile(sorted: readonly number[], share: number): number {
  const place = share * (sorted.length - 1);
  const below = Math.floor(place);
  const above = Math.ceil(place);
  return sorted[below] + (sorted[above] - sorted[below]) * (place - below);
}
