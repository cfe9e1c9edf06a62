/**
 * Values above the memory target go to the disk, and come back for who reads them.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { test } from "node:test";
import { compute, forget, type OrderedRun, TestWorker } from "../../test/worker/builders.ts";
import { handBackReason } from "../protocol/messages.ts";
import { nextWorkerDeadline } from "./step.ts";

const kib = 1024;
const { dependencyLost } = handBackReason;

/** Two lanes, and room for 100 KiB of values. */
function aWorker(): TestWorker {
  return new TestWorker({ slots: 2, memoryTargetBytes: 100 * kib });
}

/** Values of 40 KiB of tasks 1, 2, …; each was computed here. */
function withValues(count: number, sizeBytes = 40 * kib): TestWorker {
  const worker = aWorker();
  for (let task = 1; task <= count; task++) {
    worker.ordered(compute({ attempt: 10 + task, task }));
    worker.finishesWith(task, sizeBytes);
  }
  return worker;
}

/** As `withValues(3)`, and the first of them is on the disk, in file 1. */
function withOneOnTheDisk(): TestWorker {
  const worker = withValues(3);
  assert.deepEqual(worker.happens({ type: "value-written", file: 1 }), ["unload 1"]);
  return worker;
}

function reader(attempt: number, ...inputs: readonly number[]): OrderedRun {
  return { attempt, task: attempt, inputs: inputs.map((task) => ({ task, source: 7 })) };
}

function bytesOf({ state }: TestWorker): readonly number[] {
  return [state.residence.residentBytes, state.valueBytes - state.residence.residentBytes];
}

test("above the target the value that was used least recently goes to the disk", () => {
  const worker = withValues(2);
  assert.equal(worker.state.residence.writingCount, 0, "80 KiB are within the target");
  worker.ordered(compute({ attempt: 20, task: 20 }));
  assert.deepEqual(worker.finishesWith(3, 40 * kib).slice(0, 1), ["store result 3 as 20"]);
  assert.deepEqual(
    [...worker.state.residence.files.values()].map(({ task }) => task),
    [1],
  );
  assert.deepEqual(bytesOf(worker), [120 * kib, 0], "what is being written is in memory still");
  assert.deepEqual(worker.happens({ type: "value-written", file: 1 }), ["unload 1"]);
  assert.deepEqual(bytesOf(worker), [80 * kib, 40 * kib]);
});

test("what peers have read goes after what nobody has", () => {
  const worker = withValues(2);
  worker.happens({ type: "values-sent", tasks: [1, 99] });
  worker.ordered(compute({ attempt: 20, task: 20 }));
  assert.deepEqual(worker.finishesWith(3, 40 * kib).at(-1), "finished 20 of 20");
  assert.deepEqual(
    [...worker.state.residence.files.values()].map(({ task }) => task),
    [2],
  );
});

test("small values stay, whatever they add up to", () => {
  const worker = withValues(20, 10 * kib);
  assert.equal(worker.state.residence.files.size, 0);
  assert.deepEqual(bytesOf(worker), [200 * kib, 0]);
});

test("what an execution reads stays until it ends", () => {
  const worker = withValues(2);
  assert.deepEqual(worker.ordered(compute(reader(20, 1))), ["start 3 for 20 on lane 0"]);
  worker.ordered(compute({ attempt: 21, task: 21 }, { attempt: 22, task: 22 }));
  worker.finishesWith(4, 90 * kib);
  const files = () => [...worker.state.residence.files.values()].map(({ task }) => task);
  assert.deepEqual(files(), [2, 21], "1 was used before them and is read now");
  worker.finishesWith(3, 1);
  worker.happens({ type: "value-written", file: 1 });
  worker.happens({ type: "value-written", file: 2 });
  assert.deepEqual(bytesOf(worker), [40 * kib + 1, 130 * kib]);
});

test("what is to be read is brought back before who reads it starts", () => {
  const worker = withOneOnTheDisk();
  assert.deepEqual(worker.ordered(compute(reader(20, 1, 2))), [
    "load 1 from file 1",
    "start 4 for 20 on lane 0",
    "spill 3 to file 2",
  ]);
  assert.deepEqual(bytesOf(worker), [120 * kib, 0], "it counts from now on");
  worker.happens({ type: "value-read", file: 1 });
  const { loadCount, spillCount } = worker.state.residence.counts;
  assert.deepEqual([spillCount, loadCount], [1, 1]);
});

test("two that read the same value have it brought back once", () => {
  const worker = withOneOnTheDisk();
  assert.deepEqual(worker.ordered(compute(reader(20, 1), reader(21, 1))), [
    "load 1 from file 1",
    "start 4 for 20 on lane 0",
    "start 5 for 21 on lane 1",
    "spill 2 to file 2",
  ]);
});

test("what is being written and is to be read stays", () => {
  const worker = withValues(3);
  assert.deepEqual(worker.ordered(compute(reader(20, 1))), [
    "abandon file 1",
    "start 4 for 20 on lane 0",
    "spill 2 to file 2",
  ]);
  assert.deepEqual(worker.happens({ type: "value-written", file: 1 }), [], "too late");
  assert.deepEqual(bytesOf(worker), [120 * kib, 0]);
});

test("a disk that refuses is left alone for a while; then the value is tried again", () => {
  const worker = withValues(3);
  assert.deepEqual(worker.happens({ type: "write-failed", file: 1 }), []);
  assert.deepEqual(bytesOf(worker), [120 * kib, 0]);
  assert.deepEqual(worker.after(9_999_999).happens({ type: "tick" }).includes("spill"), false);
  assert.equal(nextWorkerDeadline(worker.state), worker.at + 1);
  const [beat, ...rest] = worker.after(1).happens({ type: "tick" });
  assert.deepEqual([beat, ...rest].slice(-1), ["spill 2 to file 2"]);
});

test("a file that cannot be read is a lost value, and who waits for it is not charged", () => {
  const worker = withOneOnTheDisk();
  worker.ordered(compute(reader(20, 1)));
  assert.deepEqual(worker.happens({ type: "file-lost", file: 1 }), ["drop 1", "lost 0 of 1"]);
  assert.deepEqual(worker.happens({ type: "execution-input-failed", execution: 4, task: 1 }), [
    `handedBack 20 of 20 reason ${dependencyLost} other 1`,
  ]);
  assert.deepEqual(bytesOf(worker), [80 * kib, 0]);
});

test("a value that is forgotten goes wherever it is, and late answers change nothing", () => {
  const worker = withOneOnTheDisk();
  assert.deepEqual(worker.ordered(forget(1)), ["drop 1"]);
  assert.deepEqual(bytesOf(worker), [80 * kib, 0]);
  for (const type of ["value-written", "write-failed", "value-read", "file-lost"] as const) {
    assert.deepEqual(worker.happens({ type, file: 1 }), []);
  }
});

test("a value that is forgotten while it is written does not come to the disk", () => {
  const worker = withValues(3);
  assert.deepEqual(worker.ordered(forget(1)), ["drop 1"]);
  assert.deepEqual(worker.happens({ type: "value-written", file: 1 }), []);
  assert.deepEqual(bytesOf(worker), [80 * kib, 0]);
});

test("a value that is lost leaves no file behind, wherever it was", () => {
  const inMemory = withValues(1);
  assert.deepEqual(inMemory.happens({ type: "value-lost", task: 1 }), ["lost 0 of 1"]);
  const onDisk = withOneOnTheDisk();
  assert.deepEqual(onDisk.happens({ type: "value-lost", task: 1 }), ["drop 1", "lost 0 of 1"]);
  const read = withOneOnTheDisk();
  read.ordered(compute(reader(20, 1)));
  assert.ok(read.happens({ type: "value-lost", task: 1 }).includes("drop 1"));
});

test("at most two values are on their way to the disk at once", () => {
  const worker = aWorker();
  worker.ordered(compute({ attempt: 11, task: 1 }, { attempt: 12, task: 2 }));
  worker.finishesWith(1, 90 * kib);
  worker.finishesWith(2, 90 * kib);
  worker.ordered(compute({ attempt: 13, task: 3 }, { attempt: 14, task: 4 }));
  worker.finishesWith(3, 190 * kib);
  assert.equal(
    worker.finishesWith(4, 190 * kib).filter((line) => line.startsWith("spill")).length,
    0,
  );
  assert.equal(worker.state.residence.writingCount, 2);
  assert.deepEqual(worker.happens({ type: "value-written", file: 1 }), [
    "unload 1",
    "spill 3 to file 3",
  ]);
});
