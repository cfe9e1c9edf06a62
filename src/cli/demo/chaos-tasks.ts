/**
 * The functions that `capstan demo chaos` runs: it knows what each of them must give.
 *
 * @module
 */

import { defineTask } from "../../client/index.ts";

/** The square of `value`, after a while. */
export const slowSquare = defineTask(
  import.meta.url,
  async function slowSquare(value: number, ms: number): Promise<number> {
    await new Promise((resolve) => setTimeout(resolve, ms));
    return value * value;
  },
);

/** The sum of all of them. */
export const sumUp = defineTask(import.meta.url, function sumUp(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
});
