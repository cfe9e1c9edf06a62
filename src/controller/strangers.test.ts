/**
 * What a worker has that the controller does not know of, or is rid of: crossings between what is
 * said and what is ordered, after which both must believe the same.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { ControllerHarness } from "../../test/support/controller-builders.ts";
import {
  abandoned,
  type FakeWorker,
  finished,
  have,
  kept,
} from "../../test/support/fake-worker.ts";
import type { TaskRef } from "../model/ids.ts";

function assertAgreed(worker: FakeWorker): void {
  const lines = worker.heartbeats();
  assert.ok(!lines.some((line) => line.includes("disconnect")), lines.join("\n"));
}

/** The worker runs an attempt that no controller remembers. */
function runs(worker: FakeWorker, task: TaskRef, id: number): void {
  worker.attempts.set(id, { id, task, label: "a", granted: true, phase: 1, recalled: false });
}

test("a copy that came while it was to be forgotten is no value to be rid of", () => {
  const harness = new ControllerHarness();
  const client = harness.aClient();
  const w1 = harness.aWorker();
  client.submits({ x: {} });
  w1.reports(finished("x", { value: null }));
  const w2 = harness.aWorker();
  w2.reports(have("x"));
  w2.reports(kept("x"));
  assertAgreed(w2);
});

test("a task is not forgotten where another attempt of it may leave its value", () => {
  const harness = new ControllerHarness();
  const client = harness.aClient();
  const w1 = harness.aWorker();
  const w2 = harness.aWorker();
  const constraint = { key: "worker-id", op: "=", values: ["w2"], mode: "REQUIRED" } as const;
  client.submits({ a: { spec: { constraints: [constraint] } } });
  const { task } = w2.attemptOf("a");
  w1.disconnects();
  for (const id of [901, 902]) runs(w1, task, id);
  w1.connects();
  const lines = w1.reports(abandoned("a", { attempt: 901 }));
  assert.ok(!lines.some((line) => line.includes("forget a")), lines.join("\n"));
  w1.reports(finished("a", { attempt: 902, value: null }));
  assert.equal(harness.stateOf("a"), "SUCCEEDED");
  assertAgreed(w1);
});

test("a task is not forgotten in the message that tells, further on, of its value", () => {
  const harness = new ControllerHarness();
  const client = harness.aClient();
  const w1 = harness.aWorker();
  client.submits({ a: {} });
  w1.starts("a");
  const { id, task } = w1.attemptOf("a");
  w1.disconnects();
  runs(w1, task, 901);
  w1.connects();
  const { workerId } = w1;
  harness.asks({ type: "drain-worker", workerId, drain: true, deadlineMs: 1 });
  harness.after(2);
  assert.match(harness.stateOf("a"), /PENDING/, "it is stopped on w1, and waits for another");
  const value = new Uint8Array([1]);
  const lines = w1.reports(abandoned("a", { attempt: 901 }), finished("a", { attempt: id, value }));
  assert.equal(harness.stateOf("a"), "SUCCEEDED");
  assert.ok(!lines.some((line) => line.includes("forget a")), lines.join("\n"));
  assertAgreed(w1);
});
