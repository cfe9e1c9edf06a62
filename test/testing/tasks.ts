/**
 * Ordinary tasks, as a program has them.
 *
 * @module
 */

import { defineTask } from "../../src/client/index.ts";

export const double = defineTask(import.meta.url, function double(x: number): number {
  return 2 * x;
});

export const sum = defineTask(import.meta.url, function sum(xs: readonly number[]): number {
  return xs.reduce((a, b) => a + b, 0);
});
