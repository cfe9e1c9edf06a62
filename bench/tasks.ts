/**
 * The tasks of the benchmarks: as little work as there can be.
 *
 * @module
 */

import { defineTask } from "capstan";

export const noop = defineTask(import.meta.url, function noop(): number {
  return 0;
});

export const increment = defineTask(import.meta.url, function increment(value: number): number {
  return value + 1;
});

export const count = defineTask(import.meta.url, function count(...values: number[]): number {
  return values.length;
});
