/**
 * Copies that the controller orders: fetched and kept, answered once, and not in the way of runs.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { describe, test } from "node:test";
import {
  compute,
  copy,
  forget,
  forgetHaving,
  ownIndex,
  TestWorker,
  uncopy,
} from "../../test/worker/builders.ts";

function came(worker: TestWorker, transfer: number, ...tasks: readonly number[]): string[] {
  const got = tasks.map((task) => ({ task, sizeBytes: 5 }));
  const nothing = { absent: [], corrupt: [] };
  return worker.happens({ type: "fetch-finished", transfer, got, ...nothing });
}

describe("a copy that is ordered", () => {
  test("is fetched and kept, though nothing reads it", () => {
    const worker = new TestWorker();
    assert.deepEqual(worker.ordered(copy(3, 1, 2)), ["fetch 1 from 3: 1 2"]);
    assert.deepEqual(came(worker, 1, 1, 2), [
      "store fetched 1",
      "store fetched 2",
      "have 0 of 1",
      "have 0 of 2",
    ]);
    assert.deepEqual(worker.ordered(copy(3, 1)), ["have 0 of 1"], "said again");
    assert.deepEqual(worker.ordered(forgetHaving(1, 1, 2)), ["drop 2"], "both were heard of once");
    assert.deepEqual(worker.ordered(forgetHaving(2, 1)), ["drop 1"]);
    assert.equal(worker.state.tasks.size, 0);
  });

  test("and that nobody asked has is answered so, and nothing is left", () => {
    const worker = new TestWorker();
    worker.ordered(copy(3, 1));
    const absent = { got: [], absent: [1], corrupt: [] };
    assert.deepEqual(worker.happens({ type: "fetch-finished", transfer: 1, ...absent }), [
      "notCopied 0 of 1",
    ]);
    assert.equal(worker.state.tasks.size, 0);
    assert.deepEqual(worker.ordered(copy(9, 1)), ["notCopied 0 of 1"], "an unknown source");
    assert.deepEqual(worker.ordered(copy(ownIndex, 1)), ["notCopied 0 of 1"], "itself");
    assert.equal(worker.state.tasks.size, 0);
  });

  test("and whose bytes are spoilt is answered so", () => {
    const worker = new TestWorker();
    worker.ordered(copy(3, 1));
    const spoilt = { got: [], absent: [], corrupt: [1] };
    assert.deepEqual(worker.happens({ type: "fetch-finished", transfer: 1, ...spoilt }), [
      "notCopied 0 of 1",
    ]);
    assert.equal(worker.state.tasks.size, 0);
  });

  test("is answered when its source is gone", () => {
    const worker = new TestWorker();
    worker.ordered(copy(3, 1));
    assert.deepEqual(worker.ordered({ type: "peer-gone", index: 3, incarnation: "i3" }), [
      "abort fetch 1",
      "notCopied 0 of 1",
    ]);
    assert.equal(worker.state.tasks.size, 0);
  });

  test("and is taken back is not fetched, and not answered", () => {
    const worker = new TestWorker();
    worker.ordered(copy(3, 1));
    assert.deepEqual(worker.ordered(uncopy(1)), []);
    assert.equal(worker.state.tasks.size, 0);
    assert.deepEqual(came(worker, 1, 1), [], "nobody wants it");
    worker.ordered(copy(3, 1));
    came(worker, 2, 1);
    assert.deepEqual(worker.ordered(uncopy(1)), [], "what is here stays until it is forgotten");
    assert.equal(worker.state.valueBytes, 5);
  });

  test("is the input of a run that comes meanwhile, and goes on without it", () => {
    const worker = new TestWorker();
    worker.ordered(copy(3, 1));
    const reads = compute({ attempt: 20, task: 20, inputs: [{ task: 1, source: 2 }] });
    assert.deepEqual(worker.ordered(reads), []);
    worker.ordered(uncopy(1));
    assert.equal(worker.state.tasks.get(1)?.state.type, "in-flight", "the run needs it");
    assert.deepEqual(came(worker, 1, 1), [
      "store fetched 1",
      "start 1 for 20 on lane 0",
      "have 0 of 1",
    ]);
  });

  test("stays ordered when the run that needs the same goes", () => {
    const worker = new TestWorker();
    const reads = compute({ attempt: 20, task: 20, inputs: [{ task: 1, source: 3 }] });
    worker.ordered(reads);
    worker.ordered(copy(3, 1));
    const stop = {
      type: "stop",
      attempts: Float64Array.of(20),
      tasks: Float64Array.of(20),
    } as const;
    assert.deepEqual(worker.ordered(stop), ["abandoned 20 of 20"]);
    assert.deepEqual(came(worker, 1, 1), ["store fetched 1", "have 0 of 1"]);
  });

  test("of what is being made here is refused; and an order to make it ends the other", () => {
    const worker = new TestWorker();
    worker.ordered(compute({ attempt: 11, task: 1 }));
    assert.deepEqual(worker.ordered(copy(3, 1)), ["notCopied 0 of 1"]);
    worker.ordered(copy(3, 2));
    worker.ordered(compute({ attempt: 12, task: 2 }));
    assert.equal(worker.state.tasks.get(2)?.copyOrdered, false);
  });

  test("and is told to be forgotten is given up", () => {
    const worker = new TestWorker();
    worker.ordered(copy(3, 1));
    assert.deepEqual(worker.ordered(forget(1)), ["notCopied 0 of 1"]);
    assert.equal(worker.state.tasks.size, 0);
  });

  test("waits while memory is short, and comes after", () => {
    const worker = new TestWorker();
    worker.happens({ type: "memory-measured", rssBytes: 2 ** 21 });
    assert.deepEqual(worker.ordered(copy(3, 1)), []);
    assert.deepEqual(worker.happens({ type: "memory-measured", rssBytes: 0 }), [
      'health ""',
      "fetch 1 from 3: 1",
    ]);
  });

  test("is refused by a worker in trouble, and given up by one that leaves", () => {
    const worker = new TestWorker();
    worker.happens({ type: "health-checked", trouble: "its disk is full" });
    assert.deepEqual(worker.ordered(copy(3, 1)), ["notCopied 0 of 1"]);
    worker.happens({ type: "health-checked", trouble: "" });
    worker.ordered(copy(3, 1));
    const lines = worker.happens({ type: "leave-requested" });
    assert.ok(lines.includes("notCopied 0 of 1"), lines.join("; "));
    assert.equal(worker.state.tasks.size, 0);
  });
});
