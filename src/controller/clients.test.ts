/**
 * Sessions: what a client's absence and its end do to its tasks.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ControllerHarness } from "../../test/support/controller-builders.ts";
import { abandoned } from "../../test/support/fake-worker.ts";
import { closeAbandonedSessions } from "./clients.ts";
import { jobState } from "./job-state.ts";
import { Outbox } from "./outbox.ts";
import { openClient } from "./state.ts";

function aCluster() {
  const harness = new ControllerHarness();
  const worker = harness.aWorker();
  const client = harness.aClient();
  return { harness, worker, client };
}

describe("a client that is away", () => {
  test("loses nothing while its grace lasts, and is told when it comes back and asks", () => {
    const { harness, worker, client } = aCluster();
    client.submits({ a: {}, b: {} });
    client.disconnects();
    assert.deepEqual(worker.finishes("a"), ["w1 < grant b"]);
    worker.fails("b");
    harness.after(59_000);
    client.connects();
    assert.deepEqual(client.wants("a", "b"), [
      "c1 < results a",
      "c1 < FAILED TASK_FAILED b, to blame: /ann/graph-1/1",
    ]);
  });

  test("longer than its grace has its session ended", () => {
    const { harness, worker, client } = aCluster();
    client.submits({ a: {}, b: { on: ["a"] } });
    worker.starts("a");
    client.disconnects();
    assert.deepEqual(harness.after(60_600), ["w1 < stop a"]);
    assert.equal(harness.stateOf("b"), "forgotten");
    assert.equal(harness.stateOf("a"), "KILLED", "remembered while its attempt stops");
    assert.deepEqual(worker.fails("a"), ["w1 < forget a"]);
    assert.equal(harness.stateOf("a"), "forgotten");
    assert.deepEqual(harness.usedBy(worker), {});
  });

  test("has its session ended when its grace is over, and not a microsecond before", () => {
    const { harness, client } = aCluster();
    client.disconnects();
    const { absentSince } = openClient(harness.state, client.index);
    const endedAt = (at: number) => {
      const out = new Outbox();
      closeAbandonedSessions(harness.state, out, at);
      return out.facts.map(({ type }) => type);
    };
    assert.deepEqual(endedAt(absentSince + 59_999_999), []);
    assert.deepEqual(endedAt(absentSince + 60_000_000), ["client-closed"]);
  });

  test("has its whole grace from the moment a controller serves again", () => {
    const { harness, client } = aCluster();
    client.submits({ a: {} });
    client.disconnects();
    harness.after(50_000);
    harness.restarts();
    harness.after(59_000);
    assert.equal(harness.stateOf("a"), "PENDING queued");
    harness.after(2_000);
    assert.equal(harness.stateOf("a"), "forgotten");
  });

  test("does not use its grace up while the controller stands still", () => {
    const { harness, client } = aCluster();
    client.submits({ a: {} });
    client.disconnects();
    harness.after(50_000);
    harness.at += 30_000_000;
    harness.happens({ type: "controller-paused", at: harness.at, pausedUs: 30_000_000 });
    harness.after(9_000);
    assert.equal(harness.stateOf("a"), "ASSIGNED");
    harness.after(2_000);
    assert.equal(harness.stateOf("a"), "KILLED");
  });
});

describe("a session that ends", () => {
  test("forgets what has ended, and kills and forgets the rest", () => {
    const { harness, worker, client } = aCluster();
    client.submits({ a: {}, b: { on: ["a"] }, c: {} });
    worker.finishes("a");
    assert.deepEqual(client.closes(), [
      "disconnect c1: its session was closed",
      "w1 < stop b",
      "w1 < stop c",
      "w1 < forget a",
    ]);
    assert.equal(harness.statesOf("a", "b", "c"), "SUCCEEDED, KILLED, KILLED");
    worker.reports(abandoned("b"), abandoned("c"));
    assert.equal(harness.state.tasks.live, 0);
  });

  test("ends its job once no task of it lives", () => {
    const { harness, worker, client } = aCluster();
    client.submits({ a: {} });
    worker.starts("a");
    const job = harness.state.jobs[0];
    client.closes();
    assert.deepEqual([job.sessionEnded, job.finishedAt], [true, 0]);
    worker.fails("a");
    assert.equal(job.finishedAt, harness.at);
  });

  test("ends its job when a task that others kept goes, at that time and not before", () => {
    const { harness, worker, client } = aCluster();
    const other = harness.aClient();
    const k = { key: "k", args: "1" };
    client.submits({ k });
    other.submits({ k2: k });
    client.closes();
    worker.finishes("k");
    other.releases("k2");
    const job = harness.state.jobs[0];
    assert.equal(job.finishedAt, harness.at);
    harness.restarts();
    assert.equal(harness.state.jobs[0].finishedAt, job.finishedAt);
  });

  test("says nothing more: a message that comes after it is not heard", () => {
    const { harness, client } = aCluster();
    client.closes();
    assert.deepEqual(client.says({ type: "want", tasks: Uint32Array.of(0) }), []);
    assert.deepEqual(client.disconnects(), []);
    assert.equal(harness.state.clients[client.index], null);
  });

  test("begins anew under the same client id", () => {
    const { harness, client } = aCluster();
    client.closes();
    client.connects();
    assert.equal(harness.state.jobs[1].id, "/ann/graph-2");
    assert.equal(client.index, 1);
  });

  test("leaves alone what another client has a handle on, and what that needs", () => {
    const { harness, worker, client } = aCluster();
    const other = harness.aClient();
    const shared = { key: "k", args: "1" };
    client.submits({ x: { key: "x" }, k: { ...shared, on: ["x"] }, mine: {} });
    other.submits({ x2: { key: "x", args: "x" }, k2: { ...shared, on: ["x2"] } });
    other.releases("x2");
    client.closes();
    assert.equal(harness.statesOf("x", "k"), "ASSIGNED, PENDING waiting");
    worker.finishes("x");
    assert.deepEqual(worker.finishes("k"), ["c2 < results k2", "w1 < forget x"]);
  });

  test("leaves alone what another client's task waits for", () => {
    const { harness, worker, client } = aCluster();
    const other = harness.aClient();
    client.submits({ k: { key: "k", args: "1" } });
    other.submits({ k2: { key: "k", args: "1" }, t: { on: ["k2"] } });
    other.releases("k2");
    client.closes();
    assert.equal(harness.statesOf("k", "t"), "ASSIGNED, PENDING waiting");
    worker.finishes("k");
    assert.deepEqual(worker.finishes("t"), ["c2 < results t", "w1 < forget k"]);
  });
});

describe("the job of a session", () => {
  const stateOf = ({ state }: ControllerHarness) => jobState(state.jobs[0]);

  test("is PENDING until something of it runs, and RUNNING until it has ended", () => {
    const { harness, worker, client } = aCluster();
    assert.equal(stateOf(harness), "PENDING");
    client.submits({ a: {} });
    worker.starts("a");
    assert.equal(stateOf(harness), "RUNNING");
    worker.finishes("a");
    assert.equal(stateOf(harness), "RUNNING");
    client.closes();
    assert.equal(stateOf(harness), "SUCCEEDED");
  });

  test("that was closed while something runs is KILLED, once that has stopped", () => {
    const { harness, worker, client } = aCluster();
    client.submits({ a: {}, b: {} });
    worker.finishes("a");
    worker.starts("b");
    client.closes();
    worker.obeys();
    assert.equal(stateOf(harness), "KILLED");
  });

  test("of which a task failed is FAILED, whatever else became of it", () => {
    const { harness, worker, client } = aCluster();
    client.submits({ a: {}, b: {} });
    worker.fails("a");
    worker.starts("b");
    client.closes();
    worker.obeys();
    assert.equal(stateOf(harness), "FAILED");
  });
});
