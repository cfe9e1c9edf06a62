/**
 * Sets of rows, small and large.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { newRowSet } from "./row-set.ts";

test("a set of rows has what was added, whether it is small or large", () => {
  for (const count of [10, 5_000]) {
    const rows = newRowSet(count, 100_000);
    for (const row of [0, 31, 32, 63, 99_999]) {
      assert.equal(rows.has(row), false);
      rows.add(row);
      rows.add(row);
      assert.equal(rows.has(row), true);
    }
    assert.deepEqual(
      [1, 30, 33, 64, 99_998].map((row) => rows.has(row)),
      Array(5).fill(false),
    );
  }
});
