/**
 * A second module of tasks, which shares nothing with the first.
 *
 * @module
 */

import { defineTask } from "../../src/client/index.ts";

export const multiply = defineTask(import.meta.url, function multiply(a: number, b: number) {
  return a * b;
});
