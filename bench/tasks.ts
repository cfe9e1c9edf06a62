/**
 * The tasks of the benchmarks: as little work as there can be.
 *
 * @module
 */

import { existsSync, renameSync, writeFileSync } from "node:fs";
import { defineTask } from "capstan";

export const noop = defineTask(import.meta.url, function noop(): number {
  return 0;
});

export const increment = defineTask(import.meta.url, function increment(value: number): number {
  return value + 1;
});

export const add = defineTask(import.meta.url, function add(left: number, right: number): number {
  return left + right;
});

/** A value of `bytes` bytes that is no text and no JSON. */
export const makeNumbers = defineTask(
  import.meta.url,
  function makeNumbers(bytes: number): Float64Array {
    return new Float64Array(bytes / 8).fill(1);
  },
);

export const lastOf = defineTask(import.meta.url, function lastOf(values: Float64Array): number {
  return values[values.length - 1];
});

/** Whoever comes first notes its process and stays; the next says when it came. */
export const stayOnce = defineTask(
  import.meta.url,
  async function stayOnce(file: string): Promise<number> {
    if (existsSync(file)) return Date.now();
    writeFileSync(`${file}.next`, String(process.pid));
    renameSync(`${file}.next`, file);
    await new Promise((resolve) => setTimeout(resolve, 60_000));
    throw new Error("nobody ended this process");
  },
);

export const count = defineTask(import.meta.url, function count(...values: number[]): number {
  return values.length;
});
