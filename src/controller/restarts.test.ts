/**
 * Restart: of a session and of the cluster.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ControllerHarness } from "../../test/support/controller-builders.ts";
import { abandoned } from "../../test/support/fake-worker.ts";
import { explain } from "./explain.ts";
import { taskIdOf } from "./state.ts";

function aCluster(slots = 4) {
  const harness = new ControllerHarness();
  const worker = harness.aWorker({ slots });
  return { harness, worker, client: harness.aClient() };
}

function restartsCluster(harness: ControllerHarness, reason = ""): string[] {
  return harness.asks({ type: "restart-cluster", reason });
}

/** What its client is told of the failure of a task. */
function messageOf(harness: ControllerHarness, label: string): string {
  return harness.state.failures.get(harness.rowOf(label))?.message ?? "";
}

describe("a restart of the cluster", () => {
  test("ends what sessions have submitted, in whatever state, and says who did it and why", () => {
    const { harness, worker, client } = aCluster(1);
    client.submits({ failed: {}, done: {}, runs: {}, waits: { on: ["runs"] } });
    worker.fails("failed");
    worker.finishes("done");
    restartsCluster(harness, "a new library");
    for (const label of ["failed", "done", "runs", "waits"]) {
      assert.equal(harness.stateOf(label), "KILLED");
      assert.match(messageOf(harness, label), /^the cluster was restarted by \w+: a new library/);
    }
    assert.match(messageOf(harness, "failed"), /it had failed before: .*out of range/);
    worker.reports(abandoned("runs"));
    assert.equal(worker.values.size, 0, "its values are dropped");
    assert.deepEqual(harness.usedBy(worker), {}, "and nothing is held");
    const why = explain(harness.state, taskIdOf(harness.state, harness.rowOf("runs")));
    assert.match(why.summary, /restarted by/);
  });

  test("stays in the story of each task, beside what it had been", () => {
    const { harness, worker, client } = aCluster();
    client.submits({ a: {} });
    worker.finishes("a");
    restartsCluster(harness);
    const story = harness.state.story.ofTask(harness.refOf("a")).map(({ kind }) => kind);
    assert.deepEqual(story.slice(-3), ["succeeded", "value-gone", "failed"]);
    assert.equal(harness.state.story.events.at(-1)?.type, "cluster-restarted");
  });

  test("takes a late result of before for nothing, also when its key is submitted again", () => {
    const { harness, worker, client } = aCluster();
    client.submits({ a: { key: "k" } });
    worker.starts("a");
    restartsCluster(harness);
    client.submits({ b: { key: "k", args: "a" } });
    assert.notEqual(harness.rowOf("b"), harness.rowOf("a"));
    assert.deepEqual(worker.finishes("a"), ["w1 < forget a"]);
    assert.equal(harness.stateOf("a"), "KILLED");
    assert.notEqual(harness.stateOf("b"), "SUCCEEDED");
    worker.finishes("b");
    assert.equal(client.outcomes.get("b"), "value of b");
  });

  test("leaves launched jobs alone, and what a name wants with all that it is made of", () => {
    const { harness, worker, client } = aCluster();
    harness.launch("job");
    client.submits({ input: {}, kept: { on: ["input"] }, other: { on: ["input"] } });
    client.publishes("name", "kept");
    worker.starts("job/0", "input");
    restartsCluster(harness);
    assert.equal(
      harness.statesOf("job/0", "input", "kept", "other"),
      "RUNNING, RUNNING, PENDING waiting, KILLED",
    );
    worker.finishes("input");
    worker.finishes("kept");
    assert.equal(client.outcomes.get("kept"), "value of kept", "and handles on it stay too");
  });

  test("frees every lock at once, and grants none of them to who goes as well", () => {
    const { harness, client } = aCluster();
    const other = harness.aClient();
    client.locks(1, "L");
    other.locks(1, "L");
    const told = restartsCluster(harness).filter((line) => / < (lost|granted) /.test(line));
    const why = "the cluster was restarted by root";
    assert.deepEqual(told, [`c2 < lost 1: ${why}`, `c1 < lost 1: ${why}`]);
    assert.equal(harness.state.shared.locks.size, 0);
    assert.ok(other.locks(2, "L").includes("c2 < granted 2, token 2"), "a higher token");
  });

  test("is told to workers that were there, at each of their hellos, and to no newer one", () => {
    const { harness, worker } = aCluster();
    worker.disconnects();
    const there = harness.aWorker();
    assert.ok(restartsCluster(harness).includes("w2 < renew-executors 1"));
    assert.ok(worker.connects().includes("w1 < renew-executors 1"));
    worker.disconnects();
    assert.ok(worker.connects().includes("w1 < renew-executors 1"), "the first may not have come");
    assert.ok(!there.restarts().includes("w2 < renew-executors 1"), "another process has new ones");
    assert.ok(restartsCluster(harness).includes("w2 < renew-executors 2"));
  });

  test("is remembered by the next controller", () => {
    for (const from of ["facts", "snapshot"] as const) {
      const { harness, worker, client } = aCluster();
      client.submits({ a: { key: "k" } });
      worker.starts("a");
      worker.disconnects();
      restartsCluster(harness);
      harness.restarts(from);
      client.connects();
      assert.ok(worker.connects().includes("w1 < renew-executors 1"));
      assert.ok(client.wants("a").some((line) => line.startsWith("c1 < KILLED TASK_CANCELLED a")));
      client.submits({ b: { key: "k", args: "a" } });
      worker.reports(abandoned("a"));
      worker.finishes("b");
      assert.equal(client.outcomes.get("b"), "value of b");
    }
  });

  test("that is asked for again passes over what has ended so", () => {
    const { harness, worker, client } = aCluster();
    client.submits({ a: {} });
    worker.starts("a");
    restartsCluster(harness, "first");
    const again = restartsCluster(harness, "second");
    assert.match(messageOf(harness, "a"), /first$/);
    assert.ok(!again.some((line) => line.startsWith("c1 <")), "and tells nobody");
  });

  test("lets what it ended be tried again", () => {
    const { harness, worker, client } = aCluster();
    client.submits({ a: {}, b: { on: ["a"] } });
    worker.finishes("a");
    worker.starts("b");
    restartsCluster(harness);
    worker.reports(abandoned("b"));
    client.retries("b");
    worker.finishes("a");
    worker.finishes("b");
    assert.equal(client.outcomes.get("b"), "value of b");
  });
});

describe("a restart of a session", () => {
  test("ends what it has submitted, and nothing of others; executors stay", () => {
    const { harness, worker, client } = aCluster();
    const other = harness.aClient();
    client.submits({ a: {}, b: {} });
    other.submits({ c: {} });
    client.detaches("b");
    worker.starts("a", "b", "c");
    const told = client.restarts("enough");
    assert.equal(harness.statesOf("a", "b", "c"), "KILLED, KILLED, RUNNING");
    assert.match(messageOf(harness, "a"), /^the session was restarted by ann: enough$/);
    assert.equal(told.at(-1), "c1 < accepted 3", "it is said when all is told");
    assert.ok(!told.some((line) => line.includes("renew-executors")));
  });

  test("is done once, however often it is said", () => {
    const { harness, client } = aCluster();
    client.restarts();
    client.submits({ a: {} });
    client.says({ type: "restart-session", sequence: 1, reason: "" });
    assert.notEqual(harness.stateOf("a"), "KILLED");
  });

  test("leaves to others what they need of it, with what that is made of", () => {
    const { harness, worker, client } = aCluster();
    const other = harness.aClient();
    client.submits({ input: {}, shared: { on: ["input"], key: "k" }, own: { on: ["shared"] } });
    other.submits({ also: { key: "k", args: "shared", on: [] } });
    other.submits({ mine: {} });
    client.publishes("name", "input");
    client.locks(1, "L");
    other.locks(1, "L");
    const told = client.restarts();
    assert.equal(harness.stateOf("own"), "KILLED");
    assert.equal(client.outcomes.get("input"), "KILLED TASK_CANCELLED");
    assert.notEqual(harness.stateOf("input"), "KILLED", "its name wants it");
    assert.notEqual(harness.stateOf("mine"), "KILLED");
    assert.ok(told.includes("c2 < granted 1, token 2"), "who waited for its lock has it");
    worker.finishes("input");
  });
});
