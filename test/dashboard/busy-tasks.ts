/**
 * What the graphs of the dashboard's tests compute: little, slowly.
 *
 * @module
 */

import { setTimeout as pause } from "node:timers/promises";
import { defineActor, defineTask, getContext } from "../../src/client/index.ts";

export const load = defineTask(
  import.meta.url,
  async function load(part: number): Promise<Uint8Array> {
    await pause(80 + (part % 7) * 30);
    return new Uint8Array(40_000 + part * 1_000).fill(part);
  },
);

export const clean = defineTask(
  import.meta.url,
  async function clean(bytes: Uint8Array): Promise<Uint8Array> {
    await pause(120 + (bytes.length % 5) * 40);
    return bytes.subarray(0, bytes.length >> 1);
  },
);

export const fit = defineTask(
  import.meta.url,
  async function fit(left: Uint8Array, right: Uint8Array): Promise<number> {
    await pause(250);
    return left.length + right.length;
  },
);

export const evaluate = defineTask(
  import.meta.url,
  async function evaluate(model: number, seed: number): Promise<number> {
    await pause(60 + (seed % 3) * 50);
    if (seed % 23 === 22) throw new RangeError(`seed ${seed}: the residual is not a number`);
    return model * seed;
  },
);

export const summarise = defineTask(
  import.meta.url,
  function summarise(scores: readonly number[]): number {
    return scores.reduce((sum, score) => sum + score, 0);
  },
);

/** An object that is asked more than it can answer. */
export const Ledger = defineActor(
  import.meta.url,
  class Ledger {
    #sum = 0;

    async record(amount: number, ms: number): Promise<number> {
      await pause(ms);
      this.#sum += amount;
      return this.#sum;
    }
  },
);

/** A member of a gang of functions: it says how far it is. */
export const reduceAll = defineTask(
  import.meta.url,
  async function reduceAll(rounds: number, ms: number): Promise<void> {
    const { gang, progress } = getContext();
    for (let round = 1; round <= rounds; round++) {
      await pause(ms);
      progress(round / rounds, `round ${round} of ${rounds}, rank ${gang?.rank} of ${gang?.size}`);
    }
  },
);

/** For a process of its own. */
export const convert = defineTask(
  import.meta.url,
  async function convert(part: number): Promise<number> {
    for (let step = 1; step <= 10; step++) {
      await pause(400);
      getContext().progress(step / 10, `page ${step} of 10`);
    }
    return part;
  },
);

export const nothing = defineTask(import.meta.url, function nothing(): number {
  return 0;
});
