/**
 * The stream to the controller: what is told first, what is told again, heartbeats, reset, leave.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { test } from "node:test";
import {
  aboutAttempts,
  compute,
  linesOf,
  ownIndex,
  rowsOf,
  TestWorker,
} from "../../test/worker/builders.ts";
import { blobAt } from "../base/blobs.ts";
import { digestWith } from "../base/digest.ts";
import { handBackReason, noMemory } from "../protocol/messages.ts";
import type { WorkerEvent } from "./events.ts";
import { checkWorkerInvariants } from "./invariants.ts";
import { newWorkerState } from "./state.ts";
import { nextWorkerDeadline, step, stepAll } from "./step.ts";

const connected = { type: "connected", epoch: 1, index: ownIndex } as const;

test("answers are kept until acknowledged and said again after the inventory", () => {
  const worker = new TestWorker({ slots: 2 });
  worker.ordered(compute({ attempt: 11, task: 1 }, { attempt: 12, task: 2 }));
  worker.finishes(1);
  worker.fails(2);
  assert.deepEqual(worker.happens(connected), [
    "inventory",
    "finished 11 of 1",
    "failed 12 of 2 (failed)",
  ]);
  worker.ordered({ type: "acknowledge", sequence: 1 });
  assert.deepEqual(worker.happens(connected), ["inventory", "failed 12 of 2 (failed)"]);
  worker.ordered({ type: "acknowledge", sequence: 1 });
  assert.deepEqual(worker.happens(connected), ["inventory"]);
});

test("a value that was lost while nobody listened is said to be lost after its answer", () => {
  const worker = new TestWorker();
  worker.ordered(compute({ attempt: 11, task: 1 }));
  worker.happens({ type: "disconnected" });
  worker.finishes(1);
  worker.happens({ type: "value-lost", task: 1 });
  assert.deepEqual(worker.happens(connected), ["inventory", "finished 11 of 1", "lost 0 of 1"]);
});

test("what ends without a connection is told on the next one", () => {
  const worker = new TestWorker();
  worker.ordered(compute({ attempt: 11, task: 1 }, { attempt: 12, task: 2 }));
  worker.happens({ type: "disconnected" });
  assert.deepEqual(worker.finishes(1), ["store result 1 as 1", "start 2 for 12 on lane 0"]);
  assert.deepEqual(worker.happens(connected), ["inventory", "finished 11 of 1"]);
});

test("the inventory names every value and every attempt that may be believed here", () => {
  const worker = new TestWorker({ slots: 2 });
  const runs = [11, 12, 13, 14].map((attempt) => ({ attempt, task: attempt - 10 }));
  worker.ordered(compute(...runs));
  worker.ordered(aboutAttempts("stop", [12, 2]));
  worker.finishes(1);
  const { sends } = step(worker.state, { ...connected, at: worker.at });
  const [first] = sends;
  assert.ok(first.type === "send-message" && first.message.type === "inventory");
  const { attempts, phases, values, valueSizes } = first.message;
  assert.deepEqual([...attempts], [14, 12, 13, 11]);
  assert.deepEqual([...phases], [0, 2, 1, 1]);
  assert.deepEqual([[...values], [...valueSizes]], [[1], [1]]);
});

test("an order of a stream that has closed, or of a replaced controller, is ignored", () => {
  const worker = new TestWorker();
  assert.deepEqual(worker.happens({ ...connected, epoch: 0 }), []);
  worker.happens({ type: "disconnected" });
  assert.deepEqual(worker.ordered(compute({ attempt: 11, task: 1 })), []);
  assert.equal(worker.stateOf(1), "unknown");
});

test("a heartbeat says what was applied and sent, and what is open and held", () => {
  const worker = new TestWorker({ slots: 1, heartbeatMs: 100 });
  worker.ordered(compute({ attempt: 11, task: 1 }, { attempt: 12, task: 2 }));
  worker.finishes(1);
  const at = nextWorkerDeadline(worker.state) ?? 0;
  assert.equal(at, worker.at + 100_000);
  const { sends } = step(worker.state, { type: "tick", at });
  assert.deepEqual(sends, [
    {
      type: "send-message",
      message: {
        type: "heartbeat",
        applied: 5,
        sent: 1,
        attemptsDigest: digestWith(0, 12),
        valuesDigest: digestWith(0, 1),
        ...noMemory,
        valueBytes: 1,
      },
    },
  ]);
  assert.equal(worker.state.connection.sent, 2, "a heartbeat is a message like any other");
  assert.equal(nextWorkerDeadline(worker.state), at + 100_000);
});

test("without a connection there is no heartbeat and nothing to wake for", () => {
  const worker = new TestWorker();
  worker.happens({ type: "disconnected" });
  assert.equal(nextWorkerDeadline(worker.state), null);
});

test("several events in one step are answered in one message", () => {
  const worker = new TestWorker({ slots: 2 });
  const events: WorkerEvent[] = [
    { type: "ordered", message: compute({ attempt: 11, task: 1 }, { attempt: 12, task: 2 }) },
    { type: "execution-finished", execution: 1, sizeBytes: 0, durationUs: 1, inline: null },
    { type: "execution-finished", execution: 2, sizeBytes: 0, durationUs: 1, inline: null },
  ].map((event) => ({ ...event, at: worker.at }) as WorkerEvent);
  const { sends } = stepAll(worker.state, events);
  const said = sends.flatMap((send) => (send.type === "send-message" ? [send.message] : []));
  assert.equal(said.length, 1);
  assert.ok(said[0].type === "reports");
  assert.deepEqual(
    rowsOf(said[0]).map((row) => row.attempt),
    [11, 12],
  );
});

test("a failure is told after everything that was told before it", () => {
  const worker = new TestWorker({ slots: 3 });
  const runs = [11, 12, 13].map((attempt) => ({ attempt, task: attempt - 10 }));
  worker.ordered(compute(...runs));
  const { at } = worker;
  const finished = {
    type: "execution-finished",
    at,
    sizeBytes: 0,
    durationUs: 1,
    inline: null,
  } as const;
  const failure = {
    error: { name: "E", message: "", stack: "", causes: [] },
    exitCode: null,
    signal: null,
    oom: false,
    stderrTail: "",
  };
  const { sends } = stepAll(worker.state, [
    { ...finished, execution: 1 },
    { type: "execution-failed", at, execution: 2, cause: "failed", failure },
    { ...finished, execution: 3 },
  ]);
  const said = linesOf(sends).filter((line) => line.includes(" of "));
  assert.deepEqual(said, ["finished 11 of 1", "failed 12 of 2 (failed)", "finished 13 of 3"]);
});

test("reset drops everything, stops what runs and answers nothing", () => {
  const worker = new TestWorker({ slots: 2 });
  worker.ordered(compute({ attempt: 11, task: 1 }));
  worker.finishes(1);
  const fetching = { attempt: 13, task: 3, inputs: [{ task: 4, source: 2 }] };
  worker.ordered(compute({ attempt: 12, task: 2 }, fetching));
  assert.deepEqual(worker.ordered({ type: "reset" }), [
    "drop 1",
    "abort fetch 1",
    "abort 2 (stopped)",
  ]);
  assert.deepEqual(worker.happens(connected), ["inventory"]);
  assert.deepEqual(worker.finishes(2), ["discard result 2"]);
  assert.equal(worker.state.executions.size + worker.state.tasks.size, 0);
});

test("a leaving worker hands back what waits, stops what runs, says so and goes", () => {
  const worker = new TestWorker();
  worker.ordered(compute({ attempt: 11, task: 1 }, { attempt: 12, task: 2 }));
  const { shutdown } = handBackReason;
  assert.deepEqual(worker.happens({ type: "leave-requested" }), [
    "abort 1 (stopped)",
    `handedBack 12 of 2 reason ${shutdown}`,
  ]);
  const late = worker.ordered(compute({ attempt: 13, task: 3 }));
  assert.deepEqual(late, [`handedBack 13 of 3 reason ${shutdown}`]);
  const ended = worker.happens({ type: "execution-aborted", execution: 1 });
  assert.deepEqual(ended, [`handedBack 11 of 1 reason ${shutdown}`, "leaving"]);
  assert.deepEqual(worker.ordered({ type: "acknowledge", sequence: 3 }), ["leave"]);
  assert.equal(nextWorkerDeadline(worker.state), null);
});

test("a leaving worker goes at its bound whatever is owed", () => {
  const worker = new TestWorker();
  worker.ordered(compute({ attempt: 11, task: 1 }));
  worker.happens({ type: "leave-requested" });
  const said = worker.after(6_000_000).happens({ type: "tick" });
  assert.deepEqual(said.slice(-2), ["leaving", "leave"]);
});

test("slots must be a positive integer", () => {
  const { capacity } = {
    capacity: { cpuMilli: 1, memoryBytes: 0, diskBytes: 0, devices: [], custom: {} },
  };
  assert.throws(() => newWorkerState({ slots: 0, capacity }), RangeError);
  checkWorkerInvariants(newWorkerState({ slots: 1, capacity }));
});

test("a worker that leaves aborts what it fetches", () => {
  const worker = new TestWorker();
  const inputs = [{ task: 1, source: 3 }];
  worker.ordered(compute({ attempt: 12, task: 2, inputs }));
  assert.ok(worker.happens({ type: "leave-requested" }).includes("abort fetch 1"));
  assert.equal(worker.state.transfers.size, 0);
});

test("a worker that leaves waits for the answer of what is being taken back", () => {
  const worker = new TestWorker();
  worker.ordered(compute({ attempt: 10, task: 10 }));
  worker.finishes(1);
  const ahead = { attempt: 12, task: 2, prefetched: true };
  worker.ordered(compute({ attempt: 11, task: 1 }, ahead));
  assert.deepEqual(worker.ordered(aboutAttempts("retract", [12, 2])), ["revoke 3"]);
  worker.finishes(2);
  assert.deepEqual(worker.happens({ type: "leave-requested" }), []);
  const begun = { type: "execution-revoked", execution: 3, revoked: false } as const;
  assert.deepEqual(worker.happens(begun), ["abort 3 (stopped)"]);
});

test("on a new connection answers are said again, and not what was said beside them", () => {
  const worker = new TestWorker();
  worker.ordered(compute({ attempt: 11, task: 1 }, { attempt: 12, task: 2 }));
  assert.equal(worker.ordered(aboutAttempts("retract", [11, 1], [12, 2])).length, 2);
  const { retracted } = handBackReason;
  assert.deepEqual(worker.reconnects(), ["inventory", `handedBack 12 of 2 reason ${retracted}`]);
});

test("a small value is said again with its answer", () => {
  const worker = new TestWorker();
  worker.ordered(compute({ attempt: 11, task: 1 }));
  worker.finishes(1);
  const { sends } = step(worker.state, { ...connected, at: worker.at });
  const values = sends.flatMap((send) =>
    send.type === "send-message" && send.message.type === "reports"
      ? [...blobAt(send.message.values, 0)]
      : [],
  );
  assert.deepEqual(values, [9]);
});

test("what ends in the turn of a reconnect is in the inventory, and answered after it", () => {
  const worker = new TestWorker();
  worker.ordered(compute({ attempt: 12, task: 2 }));
  worker.happens({ type: "disconnected" });
  const inline = new Uint8Array([9]);
  const ends = { type: "execution-finished", execution: 1, sizeBytes: 1, durationUs: 5 } as const;
  const { at, state } = worker;
  const { sends } = stepAll(state, [
    { ...ends, inline, at },
    { ...connected, at },
  ]);
  assert.deepEqual(linesOf(sends), ["store result 1 as 2", "inventory", "finished 12 of 2"]);
  const named = sends.flatMap((send) =>
    send.type === "send-message" && send.message.type === "inventory"
      ? [...send.message.attempts]
      : [],
  );
  assert.deepEqual(named, [12]);
});
