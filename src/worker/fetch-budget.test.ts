/**
 * Fetches are bounded by bytes: of one transfer, and of all that are under way.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { test } from "node:test";
import { compute, TestWorker } from "../../test/worker/builders.ts";
import { fetchBytesMax, transferBytesMax } from "./limits.ts";

const mebibyte = 1024 * 1024;

/** Reads these inputs: of tasks 1, 2, … on worker `source`, each of so many bytes. */
function reader(attempt: number, first: number, source: number, sizes: readonly number[]) {
  const inputs = sizes.map((sizeBytes, i) => ({ task: first + i, source, sizeBytes }));
  return compute({ attempt, task: attempt, inputs });
}

function came(worker: TestWorker, transfer: number, ...got: readonly (readonly number[])[]) {
  const sized = got.map(([task, sizeBytes]) => ({ task, sizeBytes }));
  const nothing = { absent: [], corrupt: [] };
  return worker.happens({ type: "fetch-finished", transfer, got: sized, ...nothing });
}

test("one transfer brings as many values as are small enough together", () => {
  const worker = new TestWorker({ memoryPauseBytes: Infinity });
  const third = transferBytesMax / 3;
  assert.deepEqual(worker.ordered(reader(20, 1, 3, [third, third, third, third])), [
    "fetch 1 from 3: 1 2 3",
    "fetch 2 from 3: 4",
  ]);
  assert.equal(worker.state.residence.arrivingBytes, 4 * third);
});

test("a value that is larger than a transfer may be comes alone", () => {
  const worker = new TestWorker({ memoryPauseBytes: Infinity });
  const sizes = [2 * transferBytesMax, 1, 1];
  assert.deepEqual(worker.ordered(reader(20, 1, 3, sizes)), [
    "fetch 1 from 3: 1",
    "fetch 2 from 3: 2 3",
  ]);
});

test("past the budget fetches wait until something has come, from whatever peer", () => {
  const worker = new TestWorker({ memoryPauseBytes: Infinity });
  worker.ordered(reader(20, 1, 3, [fetchBytesMax]));
  assert.deepEqual(worker.ordered(reader(21, 2, 2, [1])), []);
  const said = came(worker, 1, [1, fetchBytesMax]);
  assert.ok(said.includes("fetch 2 from 2: 2"), said.join("; "));
  assert.equal(worker.state.residence.arrivingBytes, 1);
});

test("no more is under way than may stay in memory, but one value always is", () => {
  const worker = new TestWorker({ memoryTargetBytes: mebibyte, memoryPauseBytes: Infinity });
  assert.deepEqual(worker.ordered(reader(20, 1, 3, [2 * mebibyte])), ["fetch 1 from 3: 1"]);
  assert.deepEqual(worker.ordered(reader(21, 2, 2, [1])), []);
  assert.deepEqual(worker.happens({ type: "fetch-failed", transfer: 1 }), [
    "fetch 2 from 2: 2",
    "needsSources 20 of 1 reason 1",
  ]);
});

test("room is made for what comes while it is on its way", () => {
  const worker = new TestWorker({ memoryTargetBytes: mebibyte, memoryPauseBytes: Infinity });
  worker.ordered(compute({ attempt: 11, task: 11 }));
  worker.finishesWith(1, mebibyte);
  assert.deepEqual(worker.ordered(reader(20, 1, 3, [mebibyte / 2])), [
    "fetch 1 from 3: 1",
    "spill 11 to file 1",
  ]);
});

test("what is told of a value counts when it is fetched, not what came", () => {
  const worker = new TestWorker({ memoryPauseBytes: Infinity });
  worker.ordered(reader(20, 1, 3, [5]));
  came(worker, 1, [1, 70_000]);
  assert.equal(worker.state.residence.arrivingBytes, 0);
  assert.equal(worker.state.residence.residentBytes, 70_000);
});
