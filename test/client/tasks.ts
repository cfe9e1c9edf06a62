/**
 * Tasks of the client's tests.
 *
 * @module
 */

import { defineTask } from "../../src/client/index.ts";

export const add = defineTask(import.meta.url, function add(a: number, b: number): number {
  return a + b;
});

export const total = defineTask(import.meta.url, function total(...values: number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
});

export const first = defineTask(import.meta.url, function first<T>(values: readonly T[]): T {
  return values[0];
});

/** Not exported: no worker would find it. */
const hidden = defineTask(import.meta.url, function hidden(x: number): number {
  return x;
});

/** What the module does not export as a task, for the test of that. */
export const box = { hidden };
