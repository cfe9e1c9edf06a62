/**
 * Values that a client brings: kept where nothing else makes them, and told to the controller.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { test } from "node:test";
import {
  compute,
  forget,
  forgetHaving,
  ownIndex,
  sources,
  TestWorker,
} from "../../test/worker/builders.ts";

const brought = (upload: number, task: number) =>
  ({ type: "value-brought", upload, task, sizeBytes: 10 }) as const;

test("what is brought is kept and told, and forgotten by order", () => {
  const worker = new TestWorker({});
  assert.deepEqual(worker.happens(brought(1, 9)), ["store upload 1 as 9", "have 0 of 9"]);
  assert.deepEqual(worker.ordered(forget(9)), ["drop 9"]);
});

test("what is brought again is not kept twice, and told again", () => {
  const worker = new TestWorker({});
  worker.happens(brought(1, 9));
  assert.deepEqual(worker.happens(brought(2, 9)), ["discard upload 2", "have 0 of 9"]);
});

test("what is brought again stays in spite of an order of before that was heard", () => {
  const worker = new TestWorker({});
  worker.happens(brought(1, 9));
  worker.happens(brought(2, 9));
  worker.happens(brought(3, 9));
  assert.deepEqual(worker.ordered(forgetHaving(1, 9)), []);
  assert.deepEqual(worker.ordered(forgetHaving(2, 9)), []);
  assert.deepEqual(worker.ordered(forgetHaving(3, 9)), ["drop 9"]);
});

test("what was dropped and brought anew stays in spite of an order of before that", () => {
  const worker = new TestWorker({});
  worker.happens(brought(1, 9));
  assert.deepEqual(worker.ordered(forgetHaving(1, 9)), ["drop 9"]);
  worker.happens(brought(2, 9));
  assert.deepEqual(worker.ordered(forgetHaving(1, 9)), []);
  assert.deepEqual(worker.ordered(forgetHaving(2, 9)), ["drop 9"]);
});

test("what an inventory names was heard of before any order on its connection", () => {
  const worker = new TestWorker({});
  worker.happens(brought(1, 9));
  worker.happens({ type: "disconnected" });
  worker.happens(brought(2, 8));
  worker.happens({ type: "connected", epoch: 2, index: ownIndex });
  assert.deepEqual(worker.ordered(forgetHaving(0, 9, 8)), ["drop 9", "drop 8"]);
});

test("what is brought readies what waits for it, whoever else was asked for it", () => {
  const worker = new TestWorker({});
  const inputs = [{ task: 9, source: 3 }];
  assert.deepEqual(worker.ordered(compute({ attempt: 11, task: 1, inputs })), [
    "fetch 1 from 3: 9",
  ]);
  assert.deepEqual(worker.happens(brought(1, 9)), [
    "store upload 1 as 9",
    "start 1 for 11 on lane 0",
    "have 0 of 9",
  ]);
});

test("what is brought for a task that runs here is not kept", () => {
  const worker = new TestWorker({});
  worker.ordered(compute({ attempt: 11, task: 1 }));
  assert.deepEqual(worker.happens(brought(1, 1)), ["discard upload 1"]);
});

test("what is brought while nobody listens is in the next inventory", () => {
  const worker = new TestWorker({});
  worker.happens({ type: "disconnected" });
  assert.deepEqual(worker.happens(brought(1, 9)), ["store upload 1 as 9"]);
  assert.deepEqual([...worker.state.tasks.keys()], [9]);
  assert.deepEqual(worker.ordered(sources(9, 3)), []);
});
