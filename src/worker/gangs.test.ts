/**
 * Members of a gang: prepared, released once, told again on each connection.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { test } from "node:test";
import {
  aboutAttempts,
  aCommandSpec,
  aMember,
  aSpec,
  compute,
  startGang,
  TestWorker,
} from "../../test/worker/builders.ts";
import type { TaskSpec } from "../model/spec.ts";
import { step } from "./step.ts";

const groupBy = "rack";
const members = [aMember("h0"), aMember("h1")];

/** A worker that prepares attempt 12 of task 1, a member of a gang. */
function aMemberBeingPrepared(spec: Partial<TaskSpec> = {}): TestWorker {
  const worker = new TestWorker({ slots: 2 }, [aCommandSpec({ groupBy, ...spec })]);
  const said = worker.ordered(compute({ attempt: 12, task: 1 }));
  assert.deepEqual(said, ["prepare 1 for 12 on lane 0"]);
  return worker;
}

function aPreparedMember(spec: Partial<TaskSpec> = {}): TestWorker {
  const worker = aMemberBeingPrepared(spec);
  assert.deepEqual(worker.isPrepared(1, "h1"), ["prepared 12 of 1 at h1"]);
  return worker;
}

test("a member is prepared, says so once, and starts when the gang does", () => {
  const worker = aPreparedMember();
  assert.deepEqual(worker.isPrepared(1, "h9"), [], "where it can be reached never changes");
  const released = worker.ordered(startGang(12, 1, ...members));
  assert.deepEqual(released, ["release 1 with h0 h1"]);
  assert.deepEqual(worker.starts(1), ["started 12 of 1"]);
  assert.deepEqual(worker.finishes(1), ["store result 1 as 1", "finished 12 of 1"]);
});

test("every member's address goes to the executor in the order of the tasks", () => {
  const worker = aPreparedMember();
  const message = startGang(12, 1, ...members);
  const { sends } = step(worker.state, { type: "ordered", at: worker.at, message });
  assert.deepEqual(sends, [{ type: "release-execution", execution: 1, members }]);
});

test("a gang is started once, however often that is ordered", () => {
  const worker = aPreparedMember();
  worker.ordered(startGang(12, 1, ...members));
  assert.deepEqual(worker.ordered(startGang(12, 1, ...members)), []);
  worker.finishes(1);
  assert.deepEqual(worker.ordered(startGang(12, 1, ...members)), [], "nor after its end");
});

test("a start of an attempt that is unknown, or not prepared, changes nothing", () => {
  const worker = aMemberBeingPrepared();
  assert.deepEqual(worker.ordered(startGang(12, 1, ...members)), []);
  assert.deepEqual(worker.ordered(startGang(13, 1, ...members)), []);
  assert.deepEqual(worker.ordered(startGang(12, 2, ...members)), []);
  assert.deepEqual(worker.isPrepared(1, "h1"), ["prepared 12 of 1 at h1"]);
});

test("a solo command is started at once and is never prepared", () => {
  const worker = new TestWorker({}, [aCommandSpec()]);
  worker.ordered(compute({ attempt: 12, task: 1 }));
  assert.deepEqual(worker.isPrepared(1, "h1"), []);
  assert.deepEqual(worker.ordered(startGang(12, 1, ...members)), []);
});

test("on each connection every prepared member is told again, also one that runs", () => {
  const worker = aPreparedMember();
  assert.deepEqual(worker.reconnects(), ["inventory", "prepared 12 of 1 at h1"]);
  worker.ordered(startGang(12, 1, ...members));
  worker.starts(1);
  assert.deepEqual(worker.reconnects(), ["inventory", "prepared 12 of 1 at h1"]);
  worker.ordered(aboutAttempts("stop", [12, 1]));
  assert.deepEqual(worker.reconnects(), ["inventory"], "nobody counts on what is stopping");
});

test("what was prepared without a connection is told on the next one", () => {
  const worker = aMemberBeingPrepared();
  worker.happens({ type: "disconnected" });
  assert.deepEqual(worker.isPrepared(1, "h1"), []);
  const said = worker.happens({ type: "connected", epoch: 1, index: 7 });
  assert.deepEqual(said, ["inventory", "prepared 12 of 1 at h1"]);
});

test("a stop while a member is prepared ends it, and nothing is told of it any more", () => {
  const worker = aMemberBeingPrepared();
  worker.ordered(aboutAttempts("stop", [12, 1]));
  assert.deepEqual(worker.isPrepared(1, "h1"), ["abort 1 (stopped)"]);
  assert.deepEqual(worker.ordered(startGang(12, 1, ...members)), []);
  const ended = worker.happens({ type: "execution-aborted", execution: 1 });
  assert.deepEqual(ended, ["abandoned 12 of 1"]);
});

test("a member that cannot be prepared fails for that", () => {
  const worker = aMemberBeingPrepared();
  assert.deepEqual(worker.fails(1, "build-failed"), ["failed 12 of 1 (build-failed)"]);
});

test("waiting for the gang is not charged to the run time of a member", () => {
  const worker = aPreparedMember({ timeoutMs: 10 });
  const waited = worker.after(500_000).happens({ type: "tick" });
  assert.deepEqual(waited, []);
  worker.ordered(startGang(12, 1, ...members));
  worker.starts(1);
  assert.deepEqual(worker.after(10_000).happens({ type: "tick" }), ["abort 1 (timeout)"]);
});

test("a function of a gang waits for it on its thread, and nothing queues behind it", () => {
  const prefetched = true;
  const worker = new TestWorker({}, [aSpec({ groupBy })]);
  worker.ordered(compute({ attempt: 11, task: 1 }));
  worker.isPrepared(1, "h1");
  worker.ordered(startGang(11, 1, ...members));
  worker.finishes(1);
  const runs = [
    { attempt: 12, task: 2 },
    { attempt: 13, task: 3, prefetched },
  ];
  assert.deepEqual(worker.ordered(compute(...runs)), ["prepare 2 for 12 on lane 0"]);
});

test("a function of a gang is not adopted: the gang knows it by the attempt that it has", () => {
  const worker = new TestWorker({}, [aSpec({ groupBy })]);
  worker.ordered(compute({ attempt: 12, task: 1 }));
  worker.isPrepared(1, "h1");
  worker.ordered(aboutAttempts("stop", [12, 1]));
  assert.deepEqual(worker.ordered(compute({ attempt: 13, task: 1 })), []);
});

test("a member that is being stopped is not started", () => {
  const worker = aPreparedMember();
  assert.deepEqual(worker.happens({ type: "leave-requested" }), ["abort 1 (stopped)"]);
  assert.deepEqual(worker.ordered(startGang(12, 1, ...members)), []);
});
