/**
 * Models and aggregations of the studies under test.
 *
 * @module
 */

import { setTimeout as pause } from "node:timers/promises";
import { defineReduction, defineTask } from "../../src/client/index.ts";

export interface Point {
  readonly x: number;
}

/** A value that shows which parameters and seed made it. */
export const simulate = defineTask(
  import.meta.url,
  function simulate({ x }: Point, seed: number): number {
    return x + (seed % 1_000) / 1_000;
  },
);

/** The same, slowly: there is time for a fault. */
export const simulateSlowly = defineTask(
  import.meta.url,
  async function simulateSlowly({ x }: Point, seed: number): Promise<number> {
    await pause(20);
    return x + (seed % 1_000) / 1_000;
  },
);

/** Fails for one seed in five of each point. */
export const simulateBadly = defineTask(
  import.meta.url,
  function simulateBadly({ x }: Point, seed: number): number {
    if (seed % 5 === 0) throw new RangeError(`seed ${seed} is a multiple of five`);
    return x;
  },
);

/** Two points hang for one seed in twenty. */
export const simulateOrHang = defineTask(
  import.meta.url,
  async function simulateOrHang({ x }: Point, seed: number): Promise<number> {
    if (x >= 18 && seed % 20 === 0) await new Promise(() => setInterval(() => undefined, 1_000));
    return x;
  },
);

/** Takes a while; for one seed in twenty-nine, for ever. */
export const simulateSlowlyOrHang = defineTask(
  import.meta.url,
  async function simulateSlowlyOrHang({ x }: Point, seed: number): Promise<number> {
    if (seed % 29 === 0) await new Promise(() => setInterval(() => undefined, 1_000));
    await pause(20);
    return x + (seed % 1_000) / 1_000;
  },
);

export const mean = defineTask(
  import.meta.url,
  function mean(values: readonly number[], { x }: Point): number {
    return values.reduce((sum, value) => sum + value, 0) / values.length - x;
  },
);

export const count = defineTask(import.meta.url, function count(values: readonly number[]): number {
  return values.length;
});

export const total = defineReduction(import.meta.url, {
  name: "total",
  start: () => ({ sum: 0, count: 0 }),
  add: (state, value: number) => ({ sum: state.sum + value, count: state.count + 1 }),
  merge: (left, right) => ({ sum: left.sum + right.sum, count: left.count + right.count }),
  finish: ({ sum, count }, { x }: Point) => ({ mean: sum / count - x, count }),
});
