/**
 * Blocks of numbers, and how they are added.
 *
 * @module
 */

import { defineTask } from "capstan";

/** A block of `bytes` bytes in which each number is `value`. */
export const makeBlock = defineTask(
  import.meta.url,
  function makeBlock(value: number, bytes: number): Float64Array {
    return new Float64Array(bytes / 8).fill(value);
  },
);

/** The sum of two blocks, number by number. */
export const addBlocks = defineTask(
  import.meta.url,
  function addBlocks(left: Float64Array, right: Float64Array): Float64Array {
    for (let i = 0; i < left.length; i++) left[i] += right[i];
    return left;
  },
);

/** The least and the greatest number of a block. */
export const spanOf = defineTask(import.meta.url, function spanOf(block: Float64Array): readonly [
  least: number,
  greatest: number,
] {
  let [least, greatest] = [Infinity, -Infinity];
  for (const value of block) {
    if (value < least) least = value;
    if (value > greatest) greatest = value;
  }
  return [least, greatest];
});
