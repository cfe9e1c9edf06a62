/**
 * Tasks with values that do not fit in memory together.
 *
 * @module
 */

import { defineTask } from "../../src/client/index.ts";

export const makeBlock = defineTask(
  import.meta.url,
  function makeBlock(value: number, bytes: number): Float64Array {
    return new Float64Array(bytes / 8).fill(value);
  },
);

export const addBlocks = defineTask(
  import.meta.url,
  function addBlocks(left: Float64Array, right: Float64Array): Float64Array {
    return left.map((value, index) => value + right[index]);
  },
);

export const spanOf = defineTask(import.meta.url, function spanOf(block: Float64Array): readonly [
  least: number,
  greatest: number,
] {
  return [
    block.reduce((least, value) => Math.min(least, value), Infinity),
    block.reduce((greatest, value) => Math.max(greatest, value), -Infinity),
  ];
});
