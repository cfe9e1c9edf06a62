/**
 * The table of tasks: rows are used again, and never mistaken for what they were.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { retryCountMax } from "../../model/limits.ts";
import { EdgePool } from "./edges.ts";
import { TaskTable } from "./task-table.ts";

test("a row that is used again has another name", () => {
  const table = new TaskTable();
  const slot = table.allocate();
  table.job[slot] = 0;
  const before = table.ref(slot);
  assert.equal(table.find(before), slot);
  table.release(slot);
  assert.equal(table.find(before), -1);
  assert.equal(table.allocate(), slot);
  table.job[slot] = 0;
  assert.equal(table.find(before), -1);
  assert.equal(table.find(table.ref(slot)), slot);
});

test("failures and losses are counted up to the most that may be asked for", () => {
  const table = new TaskTable();
  const slot = table.allocate();
  table.failureCount[slot] = retryCountMax;
  table.lossCount[slot] = retryCountMax;
  assert.deepEqual(
    [table.failureCount[slot], table.lossCount[slot]],
    [retryCountMax, retryCountMax],
  );
});

test("a table grows and keeps what it has", () => {
  const table = new TaskTable();
  for (let i = 0; i < 1_000; i++) {
    const slot = table.allocate();
    table.job[slot] = i;
    table.valueBytes[slot] = i;
  }
  assert.equal(table.live, 1_000);
  for (let i = 0; i < 1_000; i++) assert.deepEqual([table.job[i], table.valueBytes[i]], [i, i]);
});

test("freed runs of edges are told alike, in whatever order their lengths came and went", () => {
  const [first, second] = [new EdgePool(), new EdgePool()];
  for (const [pool, lengths] of [
    [first, [1, 3]],
    [second, [3, 1]],
  ] as const) {
    pool.allocate(4);
    for (const length of lengths) pool.release(length === 1 ? 0 : 1, length);
  }
  assert.deepEqual(first.freeRuns(), second.freeRuns());
});
