/**
 * A function that waits for tasks of its own: its lane and its CPU are free meanwhile.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { test } from "node:test";
import { aboutAttempts, compute, resources, TestWorker } from "../../test/worker/builders.ts";
import { inventoryOf } from "./connection.ts";
import { nextWorkerDeadline } from "./step.ts";

const prefetched = true;
/** All that a worker of one CPU has. */
const wholeCpu = { resources: resources({ cpuMilli: 1_000 }) };
const oneCpu = { capacity: resources({ cpuMilli: 1_000, memoryBytes: 100 }) };

/** One slot and one CPU; attempt 11 of task 1 runs. */
function aWorker(): TestWorker {
  const worker = new TestWorker(oneCpu, [wholeCpu]);
  worker.ordered(compute({ attempt: 11, task: 1 }));
  return worker;
}

function waits(worker: TestWorker, execution: number): string[] {
  return worker.happens({ type: "execution-waits", execution });
}

function rejoins(worker: TestWorker, execution: number): string[] {
  return worker.happens({ type: "execution-rejoined", execution });
}

test("what waits for tasks of its own yields its lane, and another runs there", () => {
  const worker = aWorker();
  assert.deepEqual(waits(worker, 1), ["yield 1", "yielded 11 of 1", "started 11 of 1"]);
  assert.equal(worker.state.idleLanes, 1);
  assert.deepEqual(worker.ordered(compute({ attempt: 12, task: 2 })), ["start 2 for 12 on lane 0"]);
  assert.deepEqual(rejoins(worker, 1), ["rejoined 11 of 1"], "though the lane is another's");
});

test("it yields again, and its lane is not there to be yielded twice", () => {
  const worker = aWorker();
  waits(worker, 1);
  rejoins(worker, 1);
  assert.deepEqual(waits(worker, 1), ["yield 1", "yielded 11 of 1"]);
  assert.equal(worker.state.idleLanes, 1);
  assert.deepEqual(waits(worker, 1), [], "twice equals once");
});

test("what queues behind it is taken back first: it has no grant of its own", () => {
  const worker = new TestWorker(oneCpu, [wholeCpu]);
  worker.ordered(compute({ attempt: 10, task: 10 }));
  worker.finishes(1);
  worker.ordered(compute({ attempt: 11, task: 1 }, { attempt: 12, task: 2, prefetched }));
  assert.deepEqual(waits(worker, 2), ["revoke 3", "started 11 of 1"]);
  const lines = worker.happens({ type: "execution-revoked", execution: 3, revoked: true });
  assert.deepEqual(lines, ["yield 2", "yielded 11 of 1"]);
  const grant = aboutAttempts("grant", [12, 2]);
  assert.deepEqual(worker.ordered(grant), ["start 4 for 12 on lane 0"]);
});

test("what does not wait any more before it could yield keeps its lane", () => {
  const worker = new TestWorker(oneCpu, [wholeCpu]);
  worker.ordered(compute({ attempt: 10, task: 10 }));
  worker.finishes(1);
  worker.ordered(compute({ attempt: 11, task: 1 }, { attempt: 12, task: 2, prefetched }));
  waits(worker, 2);
  assert.deepEqual(rejoins(worker, 2), [], "nobody was told that it waits");
  const lines = worker.happens({ type: "execution-revoked", execution: 3, revoked: true });
  assert.deepEqual(lines, ["start 4 for 12 on lane 0"]);
});

test("nobody inherits its grant, which may be more than there is", () => {
  const worker = aWorker();
  waits(worker, 1);
  worker.ordered(compute({ attempt: 12, task: 2 }, { attempt: 13, task: 3, prefetched }));
  rejoins(worker, 1);
  assert.deepEqual(worker.finishes(1).slice(-1), ["finished 11 of 1"]);
  assert.deepEqual(worker.finishes(2).slice(-1), ["finished 12 of 2 then 13"]);
});

test("it keeps its memory while it waits", () => {
  const request = { resources: resources({ cpuMilli: 1_000, memoryBytes: 60 }) };
  const worker = new TestWorker(oneCpu, [request]);
  worker.ordered(compute({ attempt: 11, task: 1 }));
  waits(worker, 1);
  assert.deepEqual(worker.ordered(compute({ attempt: 12, task: 2 })), []);
  assert.ok(worker.finishes(1).includes("start 2 for 12 on lane 0"));
});

test("its timeout counts while it waits", () => {
  const worker = new TestWorker(oneCpu, [{ ...wholeCpu, timeoutMs: 50 }]);
  worker.ordered(compute({ attempt: 11, task: 1 }));
  const startedAt = worker.at;
  waits(worker, 1);
  assert.equal(nextWorkerDeadline(worker.state), startedAt + 50_000);
  worker.at = startedAt + 50_000;
  assert.deepEqual(worker.happens({ type: "tick" }), ["abort 1 (timeout)"]);
  assert.ok(worker.fails(1).includes("failed 11 of 1 (timeout)"));
});

test("an inventory says that it has yielded", () => {
  const worker = aWorker();
  waits(worker, 1);
  assert.deepEqual([...inventoryOf(worker.state).phases], [3]);
  rejoins(worker, 1);
  assert.deepEqual([...inventoryOf(worker.state).phases], [1]);
});

test("what is stopped while it waits holds what it holds until it has ended", () => {
  const worker = aWorker();
  waits(worker, 1);
  worker.ordered(aboutAttempts("stop", [11, 1]));
  const lines = worker.after(1_000_000).happens({ type: "tick" });
  assert.ok(lines.includes("abort 1 (stopped)"), lines.join("\n"));
  assert.deepEqual(worker.happens({ type: "execution-aborted", execution: 1 }), [
    "abandoned 11 of 1",
  ]);
  assert.deepEqual(
    worker.state.used.every((amount) => amount === 0),
    true,
  );
});
