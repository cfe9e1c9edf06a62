/**
 * Restart: of a session and of the cluster.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ControllerHarness } from "../../test/support/controller-builders.ts";
import { abandoned } from "../../test/support/fake-worker.ts";
import { present } from "../base/assert.ts";
import { acceptedSequence } from "./acknowledge.ts";
import { nextDeadline } from "./deadlines.ts";
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

/** Each step ends one task. */
function aSlowCluster() {
  const cluster = aCluster();
  cluster.harness.state.shared.endsPerStep = 1;
  return cluster;
}

function tick(harness: ControllerHarness): string[] {
  assert.equal(nextDeadline(harness.state), harness.state.at, "the next step is asked for at once");
  return harness.happens({ type: "tick", at: harness.at });
}

/** Until no restart goes on. */
function ticks(harness: ControllerHarness): string[] {
  const lines: string[] = [];
  const { shared } = harness.state;
  for (let step = 0; shared.restarting.size + shared.heardLater.size > 0; step++) {
    assert.ok(step < 100, "it comes to an end");
    lines.push(...tick(harness));
  }
  return lines;
}

describe("a restart of many tasks", () => {
  test("goes on in steps, what reads a value first, and is answered when it is over", () => {
    const { harness, worker, client } = aSlowCluster();
    client.submits({ a: {}, b: { on: ["a"] }, c: { on: ["b"] } });
    worker.starts("a");
    const first = restartsCluster(harness);
    assert.deepEqual(first, ["c1 < KILLED TASK_CANCELLED c, to blame: /ann/graph-1/2"]);
    assert.equal(harness.statesOf("a", "b", "c"), "RUNNING, PENDING waiting, KILLED");
    tick(harness);
    const rest = ticks(harness);
    assert.ok(rest.indexOf("w1 < stop a") < rest.indexOf("w1 < renew-executors 1"));
    const counts = { taskCount: 3, valueCount: 0, lockCount: 0, sessionCount: 1, workerCount: 1 };
    assert.equal(rest.at(-1), `reply ${JSON.stringify(counts)}`);
    assert.notEqual(nextDeadline(harness.state), harness.state.at, "nothing is left to do");
  });

  test("does not end what was submitted after it was accepted, whatever its key", () => {
    const { harness, worker, client } = aSlowCluster();
    const other = harness.aClient();
    client.submits({ a: { key: "k" }, b: { key: "l" }, c: {}, d: {} });
    restartsCluster(harness);
    client.submits({ same: { key: "k", args: "a" } });
    other.submits({ also: { key: "l", args: "b" } });
    ticks(harness);
    assert.equal(harness.statesOf("a", "b", "c", "d"), "KILLED, KILLED, KILLED, KILLED");
    for (const label of ["same", "also"]) {
      worker.finishes(label);
      assert.equal(harness.stateOf(label), "SUCCEEDED");
    }
    assert.equal(client.outcomes.get("same"), "value of same");
    assert.equal(other.outcomes.get("also"), "value of also");
  });

  test("takes along what was submitted since and reads what it ends", () => {
    const { harness, client } = aSlowCluster();
    client.submits({ a: {}, b: {} });
    restartsCluster(harness);
    client.submits({ reads: { on: ["b"] }, free: {} });
    ticks(harness);
    assert.equal(harness.stateOf("reads"), "KILLED");
    assert.notEqual(harness.stateOf("free"), "KILLED");
  });

  test("goes on where a controller that died had come to, and what came after it stays", () => {
    for (const from of ["facts", "snapshot"] as const) {
      const { harness, worker, client } = aSlowCluster();
      client.submits({ a: {}, b: { on: ["a"] }, c: { on: ["b"] } });
      worker.starts("a");
      restartsCluster(harness);
      client.submits({ later: {} });
      worker.disconnects();
      harness.restarts(from);
      harness.state.shared.endsPerStep = 1;
      worker.connects();
      client.connects();
      const told = ticks(harness);
      assert.equal(harness.statesOf("a", "b", "c"), "KILLED, KILLED, KILLED");
      assert.notEqual(harness.stateOf("later"), "KILLED");
      assert.ok(told.includes("w1 < renew-executors 1"));
      assert.ok(!told.some((line) => line.startsWith("reply")), "nobody waits for that answer");
    }
  });

  test("that is asked for again ends what came since too, and answers both at its end", () => {
    const { harness, client } = aSlowCluster();
    client.submits({ a: {}, b: {}, c: {} });
    restartsCluster(harness, "first");
    client.submits({ since: {} });
    restartsCluster(harness, "second");
    const told = ticks(harness);
    assert.equal(harness.stateOf("since"), "KILLED");
    assert.match(messageOf(harness, "since"), /second$/);
    assert.equal(told.filter((line) => line.startsWith("reply")).length, 2);
    assert.equal(harness.state.shared.restarts, 1, "it was one restart");
  });

  test("leaves what is published meanwhile, with all that it is made of", () => {
    const { harness, worker, client } = aSlowCluster();
    client.submits({ input: {}, kept: { on: ["input"] }, x: {}, y: {} });
    client.submits({ last: { on: ["kept"] } });
    restartsCluster(harness);
    client.publishes("name", "kept");
    ticks(harness);
    assert.equal(harness.statesOf("x", "y", "last"), "KILLED, KILLED, KILLED");
    worker.finishes("input");
    worker.finishes("kept");
    assert.equal(client.outcomes.get("kept"), "value of kept");
  });

  test("does not end what has the row of a task that was forgotten meanwhile", () => {
    const { harness, worker, client } = aSlowCluster();
    client.submits({ a: {}, b: {}, failed: {} });
    worker.fails("failed");
    const row = harness.rowOf("failed");
    restartsCluster(harness);
    client.releases("failed");
    client.submits({ d: {} });
    assert.equal(harness.rowOf("d"), row);
    ticks(harness);
    assert.equal(harness.statesOf("a", "b"), "KILLED, KILLED");
    assert.notEqual(harness.stateOf("d"), "KILLED");
  });
});

describe("a restart of a session of many tasks", () => {
  test("is said to be done when it is over, and what came after it not before", () => {
    const { harness, client } = aSlowCluster();
    client.submits({ a: {}, b: {}, c: {} });
    assert.ok(!client.restarts().some((line) => line.includes("accepted")));
    assert.deepEqual(client.submits({ d: {} }), [], "it is taken up afterwards");
    client.submits({ e: { on: ["d"] } });
    const told = ticks(harness).filter((line) => line.includes("accepted"));
    assert.deepEqual(told, ["c1 < accepted 2", "c1 < accepted 3", "c1 < accepted 4"]);
    assert.equal(harness.statesOf("a", "b", "c"), "KILLED, KILLED, KILLED");
    assert.equal(harness.statesOf("d", "e"), "ASSIGNED, PENDING waiting");
    assert.notEqual(nextDeadline(harness.state), harness.state.at, "nothing is left to do");
  });

  test("takes up what was said after it once, also by a client that comes back meanwhile", () => {
    const { harness, client } = aSlowCluster();
    client.submits({ a: {}, b: {}, c: {} });
    const again = { type: "restart-session", sequence: 2, reason: "" } as const;
    client.says({ ...again, sequence: ++client.sequence });
    const d = client.submission({ d: {} });
    client.says(d);
    client.disconnects();
    client.connects();
    client.says(again);
    client.says(d);
    const told = ticks(harness).filter((line) => line.includes("accepted"));
    assert.deepEqual(told, ["c1 < accepted 2", "c1 < accepted 2", "c1 < accepted 3"]);
    assert.match(harness.stateOf("d"), /PENDING|ASSIGNED/);
  });

  test("that follows another one of the same session waits for it", () => {
    const { harness, client } = aSlowCluster();
    client.submits({ a: {}, b: {}, c: {} });
    client.restarts();
    client.submits({ d: {}, e: {} });
    client.restarts("again");
    client.submits({ f: {} });
    ticks(harness);
    assert.match(messageOf(harness, "e"), /again$/);
    assert.equal(harness.statesOf("a", "d", "e"), "KILLED, KILLED, KILLED");
    assert.notEqual(harness.stateOf("f"), "KILLED");
  });

  test("is not said to be done by the next controller before it is over", () => {
    for (const from of ["facts", "snapshot"] as const) {
      const { harness, client } = aSlowCluster();
      client.submits({ a: {}, b: {}, c: {} });
      client.restarts();
      harness.restarts(from);
      harness.state.shared.endsPerStep = 1;
      client.connects();
      const session = present(harness.state.clients[client.index] ?? undefined, "it is open");
      assert.equal(acceptedSequence(harness.state, session), 1);
      assert.equal(ticks(harness).at(-1), "c1 < accepted 2");
      assert.equal(harness.statesOf("a", "b", "c"), "KILLED, KILLED, KILLED");
    }
  });

  test("leaves what another waits for at the end of a chain, and what its name wants", () => {
    const { harness, client } = aSlowCluster();
    const other = harness.aClient();
    client.submits({ s: { key: "k" }, own: { on: ["s"] }, input: {}, named: { on: ["input"] } });
    other.submits({ same: { key: "k", args: "s" } });
    other.submits({ middle: { on: ["same"] }, end: { on: ["middle"] } });
    other.releases("same", "middle");
    client.publishes("name", "named");
    client.restarts();
    ticks(harness);
    assert.equal(harness.stateOf("own"), "KILLED");
    for (const label of ["s", "input", "named"]) {
      assert.equal(client.outcomes.get(label), "KILLED TASK_CANCELLED");
      assert.notEqual(harness.stateOf(label), "KILLED");
    }
    assert.equal(harness.stateOf("end"), "PENDING waiting");
  });

  test("takes turns with that of another", () => {
    const { harness, client } = aSlowCluster();
    const other = harness.aClient();
    client.submits({ a: {}, b: {}, c: {}, d: {}, e: {} });
    other.submits({ x: {}, y: {} });
    client.restarts();
    other.restarts();
    const told = ticks(harness);
    assert.ok(told.indexOf("c2 < accepted 2") < told.indexOf("c1 < accepted 2"));
  });

  test("is over when the session is closed", () => {
    const { harness, client } = aSlowCluster();
    client.submits({ a: {}, b: {}, c: {} });
    client.restarts();
    client.closes();
    assert.equal(harness.state.shared.restarting.size, 0);
    assert.equal(harness.statesOf("a", "b", "c"), "KILLED, KILLED, KILLED");
  });
});
