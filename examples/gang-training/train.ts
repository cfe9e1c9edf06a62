/**
 * Training on several workers at once: each rank has its part of the data, and all of them have
 * the same model, because they add up their gradients after each step.
 *
 * @module
 */

import { defineTask, getContext } from "capstan";
import { joinRing } from "./ring.ts";

/** `y = weights[0] * a + weights[1] * b + bias`. */
export interface Model {
  readonly weights: readonly [number, number];
  readonly bias: number;
  /** Samples of all ranks together. */
  readonly samples: number;
}

const samplesPerRank = 2_000;
const stepSize = 0.5;

/** Fits the model; rank 0 publishes it as `name`. */
export const train = defineTask(
  import.meta.url,
  async function train(steps: number, name: string): Promise<void> {
    const { gang, signal, client, progress } = contextOfMember();
    const ring = await joinRing(gang, signal);
    const samples = samplesOf(gang.rank);
    let parameters = new Float64Array(3);
    for (let step = 0; step < steps; step++) {
      const sums = await ring.sum(gradientOf(samples, parameters));
      const count = samplesPerRank * gang.size;
      parameters = parameters.map((value, i) => value - (stepSize * sums[i]) / count);
      progress(step / steps);
    }
    ring.close();
    if (gang.rank !== 0) return;
    const [a, b, bias] = parameters;
    const model: Model = { weights: [a, b], bias, samples: samplesPerRank * gang.size };
    const value = client.scatter(model);
    await value.result(); // It is on a worker: it outlives this task.
    await client.publish(name, value);
  },
);

function contextOfMember() {
  const context = getContext();
  const { gang, signal, client } = context;
  if (gang === undefined) throw new Error("launch it with `coscheduling`");
  const progress = (fraction: number): void => context.progress(fraction);
  return { gang, signal, client, progress };
}

/** Each row is `a, b, y`; other ones for each rank, and the same whenever it is started. */
function samplesOf(rank: number): Float64Array[] {
  let state = 1 + rank;
  const next = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (2 * state) / 2 ** 32 - 1;
  };
  return Array.from({ length: samplesPerRank }, () => {
    const [a, b] = [next(), next()];
    return Float64Array.of(a, b, 3 * a - 2 * b + 1 + next() / 10);
  });
}

/** Of half the squared error, summed over these samples. */
function gradientOf(samples: readonly Float64Array[], [wa, wb, bias]: Float64Array): Float64Array {
  const sums = new Float64Array(3);
  for (const [a, b, y] of samples) {
    const error = wa * a + wb * b + bias - y;
    sums[0] += error * a;
    sums[1] += error * b;
    sums[2] += error;
  }
  return sums;
}
