/**
 * What time alone does: the bound on the wait for a first start.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ControllerHarness } from "../../test/support/controller-builders.ts";
import { handedBack } from "../../test/support/fake-worker.ts";
import { aSlice, clause } from "../../test/support/job-builders.ts";
import { nextDeadline } from "./deadlines.ts";
import { nextDrainDeadline } from "./worker-orders.ts";

const within = (schedulingTimeoutMs: number) => ({ spec: { schedulingTimeoutMs, name: "f" } });

describe("a scheduling timeout", () => {
  test("ends a task that found no worker, and what waits for it", () => {
    const harness = new ControllerHarness();
    const client = harness.aClient();
    client.submits({ a: within(5_000), b: { on: ["a"] } });
    assert.deepEqual(harness.after(4_999), []);
    assert.deepEqual(harness.after(1), [
      "c1 < UNSCHEDULABLE TASK_UNSCHEDULABLE a, to blame: /ann/graph-1/0",
      "c1 < UPSTREAM_FAILED TASK_UNSCHEDULABLE b, to blame: /ann/graph-1/0",
    ]);
    const { message } = harness.state.failures.get(harness.rowOf("a")) ?? { message: "" };
    assert.equal(message, "f found no worker within its scheduling timeout of 5000 ms");
  });

  test("is over with the first start, also when the task is tried again later", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    harness.aClient().submits({ a: { spec: { ...within(5_000).spec, maxRetriesFailure: 1 } } });
    worker.starts("a");
    harness.after(6_000);
    worker.fails("a");
    worker.disconnects();
    harness.after(20_000);
    assert.equal(harness.stateOf("a"), "PENDING queued");
  });

  test("does not end what is assigned, but holds again when that comes back unstarted", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    const client = harness.aClient();
    client.submits({ a: within(5_000) });
    harness.after(6_000);
    assert.equal(harness.stateOf("a"), "ASSIGNED");
    worker.reports(handedBack("a", { reason: "refused" }));
    worker.leaves();
    harness.after(1_000);
    assert.equal(harness.stateOf("a"), "UNSCHEDULABLE");
  });

  test("bounds the wait anew when a person retries the task", () => {
    const harness = new ControllerHarness();
    const client = harness.aClient();
    client.submits({ a: within(5_000) });
    harness.after(5_000);
    client.retries("a");
    harness.after(4_999);
    assert.equal(harness.stateOf("a"), "PENDING queued");
    harness.after(1);
    assert.equal(harness.stateOf("a"), "UNSCHEDULABLE");
  });

  test("is kept through a restart", () => {
    for (const from of ["facts", "snapshot"] as const) {
      const harness = new ControllerHarness();
      harness.aClient().submits({ a: within(5_000) });
      harness.after(3_000);
      harness.restarts(from);
      harness.after(1_990);
      assert.equal(harness.stateOf("a"), "PENDING queued", from);
      harness.after(20);
      assert.equal(harness.stateOf("a"), "UNSCHEDULABLE", from);
    }
  });
});

test("nothing is due while nothing waits for time", () => {
  const harness = new ControllerHarness();
  assert.equal(nextDeadline(harness.state), null);
  harness.aClient();
  assert.equal(nextDeadline(harness.state), null);
});

test("time that passes without anything due is not journaled", () => {
  const harness = new ControllerHarness();
  const [busy] = aSlice(harness, "a", { hosts: 2 });
  harness.launch("g", { groupBy: "slice", replicas: 2 });
  harness.launch("waits", { groupBy: "slice", replicas: 2 });
  harness.launch("endless", { constraints: [clause("worker-id", "=", "nobody")] });
  harness.aClient().submits({ a: { spec: { schedulingTimeoutMs: 60_000 } } });
  busy.prepares("g/0");
  const { length } = harness.facts;
  harness.after(5_000);
  assert.deepEqual(harness.facts.slice(length), []);
});

describe("the next deadline is that of", () => {
  const due = (harness: ControllerHarness) => (nextDeadline(harness.state) ?? 0) - harness.at;

  test("the first scheduling timeout, while no worker is there to be silent", () => {
    const harness = new ControllerHarness();
    const client = harness.aClient();
    client.submits({ a: within(9_000) });
    client.submits({ b: within(5_000) });
    assert.equal(due(harness), 5_000_000);
  });

  test("the first delay after which something that came back may go again", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    harness.launch("a");
    worker.reports(handedBack("a/0", { reason: "refused" }));
    const resumed = harness.at + 1_000_000;
    worker.leaves();
    assert.equal(nextDeadline(harness.state), resumed);
    harness.after((resumed - harness.at) / 1000);
    assert.equal(harness.stateOf("a/0"), "PENDING queued");
  });

  test("the check for silence, while a worker or an absent client could be silent", () => {
    const harness = new ControllerHarness();
    const client = harness.aClient();
    const worker = harness.aWorker();
    const { state } = harness;
    assert.equal(nextDeadline(state), state.nextSilenceCheckAt);
    worker.leaves();
    assert.equal(nextDeadline(state), null);
    client.disconnects();
    assert.equal(nextDeadline(state), state.nextSilenceCheckAt);
  });

  test("a drain, until everything there was told to stop", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    harness.launch("a");
    worker.starts("a/0");
    const drain = { type: "drain-worker", workerId: "w1", drain: true } as const;
    harness.asks({ ...drain, deadlineMs: 0 });
    assert.equal(nextDrainDeadline(harness.state), Number.POSITIVE_INFINITY);
    harness.asks({ ...drain, deadlineMs: 1_234 });
    assert.equal(nextDrainDeadline(harness.state), harness.at + 1_234_000);
    harness.after(1_300);
    assert.equal(worker.orders, "a/0-");
    assert.equal(nextDrainDeadline(harness.state), Number.POSITIVE_INFINITY);
  });

  test("the retention of a job that has ended", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    harness.launch("a");
    worker.finishes("a/0");
    worker.leaves();
    assert.equal(nextDeadline(harness.state), harness.state.nextSilenceCheckAt);
  });
});
