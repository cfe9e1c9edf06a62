/**
 * Tasks of the CLI's integration test.
 *
 * @module
 */

import { defineTask } from "../../src/client/index.ts";

export const double = defineTask(import.meta.url, function double(value: number): number {
  return value * 2;
});

export const fail = defineTask(import.meta.url, function fail(message: string): number {
  throw new Error(message);
});
