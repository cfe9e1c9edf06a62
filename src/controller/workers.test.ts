/**
 * Workers: loss charges only what had started, a hello is reconciled with what is believed, and a
 * digest that differs ends the connection.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ControllerHarness } from "../../test/support/controller-builders.ts";
import { abandoned, finished, handedBack, have } from "../../test/support/fake-worker.ts";

function lossesOf(harness: ControllerHarness, ...labels: readonly string[]): readonly number[] {
  return labels.map((label) => harness.state.tasks.lossCount[harness.rowOf(label)]);
}

/** A worker that runs `a` still, and never heard of the attempt that was to take its place. */
function aLostSuccessor(on: readonly string[] = []) {
  const harness = new ControllerHarness();
  const other = harness.aWorker({ slots: on.length });
  const client = harness.aClient();
  for (const label of on) {
    client.submits({ [label]: {} });
    other.reports(finished(label, { value: null }));
  }
  if (on.length > 0) client.submits({ busy: {} });
  const worker = harness.aWorker({ slots: 2 });
  client.submits({ a: { on } });
  worker.starts("a");
  const before = worker.attemptOf("a");
  client.cancels(["a"]);
  client.retries("a");
  const { id } = worker.attemptOf("a");
  worker.disconnects();
  worker.attempts.delete(id);
  worker.attempts.set(before.id, { ...before, phase: 1 });
  return { harness, other, worker, client, id };
}

describe("a worker that is lost", () => {
  test("charges only the attempts that had started", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker({ slots: 2 });
    harness.aClient().submits({ a: {}, b: {}, c: {} });
    assert.equal(worker.orders, "a b (c)");
    worker.starts("a");
    worker.exits();
    assert.deepEqual(lossesOf(harness, "a", "b", "c"), [1, 0, 0]);
    assert.equal(harness.statesOf("a", "b", "c"), Array(3).fill("PENDING queued").join(", "));
  });

  test("under a task past its limit fails it with how the worker ended, and no other", () => {
    const harness = new ControllerHarness();
    harness
      .aClient()
      .submits({ poison: { spec: { maxRetriesPreemption: 1, name: "p" } }, good: {} });
    for (let i = 0; i < 2; i++) {
      const worker = harness.aWorker({ slots: 2 });
      worker.starts("poison");
      worker.exits("SIGSEGV");
    }
    assert.equal(harness.statesOf("poison", "good"), "WORKER_FAILED, PENDING queued");
    const failure = harness.state.failures.get(harness.rowOf("poison"));
    assert.equal(failure?.code, "WORKER_DIED");
    assert.equal(failure.workerId, "w2");
    assert.equal(
      failure.message,
      "p: 2 workers died under it; the last, w2: its process ended (signal SIGSEGV)",
    );
  });

  test("by silence is suspected first, and gets no new work while it is", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker({ slots: 2 });
    const client = harness.aClient();
    client.submits({ a: {} });
    harness.after(3_600, { silent: true });
    client.submits({ b: {} });
    assert.equal(worker.orders, "a");
    assert.deepEqual(worker.heartbeats(), ["w1 < compute b"]);
    harness.after(10_600, { silent: true });
    assert.equal(harness.statesOf("a", "b"), "PENDING queued, PENDING queued");
    assert.equal(harness.state.workers[0].lostReason, "silent for 10 s");
  });

  test("is not declared so for the time that the controller itself stood still", () => {
    const harness = new ControllerHarness();
    harness.aWorker();
    harness.aClient().submits({ a: {} });
    harness.at += 60_000_000;
    harness.happens({ type: "controller-paused", at: harness.at, pausedUs: 60_000_000 });
    harness.happens({ type: "tick", at: harness.at });
    assert.equal(harness.state.workers[0].lost, false);
    assert.equal(harness.stateOf("a"), "ASSIGNED");
  });

  test("takes its values along: what is needed is computed again, the rest is not", () => {
    const harness = new ControllerHarness();
    const w1 = harness.aWorker();
    const client = harness.aClient();
    client.submits({ a: {}, b: {}, c: { on: ["a"] }, old: {} });
    w1.reports(finished("a", { value: null }));
    w1.finishes("c");
    w1.finishes("b");
    w1.finishes("old");
    client.submits({ d: { on: ["b"] } });
    w1.exits();
    assert.equal(
      harness.statesOf("a", "b", "c", "old"),
      ["SUCCEEDED", "PENDING queued", "SUCCEEDED", "SUCCEEDED"].join(", "),
    );
    assert.equal(harness.stateOf("d"), "PENDING waiting");
  });

  test("in the middle of a chain costs only what is still needed of it", () => {
    const harness = new ControllerHarness();
    const w1 = harness.aWorker();
    const client = harness.aClient();
    client.submits({ a: {}, b: { on: ["a"] }, c: { on: ["b"] }, d: { on: ["c"] } });
    for (const label of ["a", "b", "c"]) w1.reports(finished(label, { value: null }));
    client.releases("a", "b", "c");
    w1.starts("d");
    w1.exits();
    const w2 = harness.aWorker();
    for (const label of ["a", "b", "c", "d"]) {
      assert.equal(w2.orders, label);
      w2.reports(finished(label, { value: null }));
    }
    assert.equal(client.outcomes.get("d"), "at w2");
    assert.equal(w2.held, "d", "inputs went when the last of them was read");
  });

  test("is lost once: its exit after its silence changes nothing", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    harness.aClient().submits({ a: {} });
    worker.starts("a");
    harness.after(11_000, { silent: true });
    assert.deepEqual(worker.exits(), []);
    assert.deepEqual(lossesOf(harness, "a"), [1]);
  });

  test("as an earlier process than the one that is connected is not lost", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    worker.disconnects();
    worker.restarts();
    const exit = {
      workerId: "w1",
      incarnation: "w1-1",
      exitCode: 1,
      signal: null,
      launcherLives: false,
    };
    harness.happens({ type: "worker-exited", at: harness.at, ...exit });
    assert.equal(harness.state.workers[0].lost, false);
  });

  test("leaves the peers that knew it told", () => {
    const harness = new ControllerHarness();
    const [w1, w2] = [harness.aWorker(), harness.aWorker()];
    const client = harness.aClient();
    client.submits({ a: {} });
    w1.reports(finished("a", { value: null }));
    client.submits({ x: {}, b: { on: ["a"], spec: { priority: -1 } } });
    const far = [w1, w2].find((one) => one.orders.includes("b"));
    if (far !== w2) w1.starts("b");
    client.submits({ c: { on: ["a"] }, d: { on: ["a"] }, e: { on: ["a"] } });
    const knows = harness.state.workers[1].knownPeers.has(0);
    const lines = w1.exits();
    assert.equal(lines.includes("w2 < peer-gone w1"), knows);
  });
});

describe("a worker that leaves", () => {
  test("gives back what it has, uncharged", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    harness.aClient().submits({ a: {}, b: {} });
    worker.starts("a");
    assert.deepEqual(worker.leaves(), ["disconnect w1: it left"]);
    assert.deepEqual(lossesOf(harness, "a", "b"), [0, 0]);
    assert.equal(harness.statesOf("a", "b"), "PENDING queued, PENDING queued");
    assert.equal(harness.state.workers[0].lostReason, "it left");
  });
});

describe("a worker that says hello again", () => {
  test("as the same process goes on with what both know", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    harness.aClient().submits({ a: {}, b: {} });
    worker.starts("a");
    worker.disconnects();
    assert.deepEqual(worker.connects(), []);
    assert.equal(harness.statesOf("a", "b"), "RUNNING, ASSIGNED");
    assert.deepEqual(worker.heartbeats(), []);
  });

  test("is not charged for what it never had", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    harness.aClient().submits({ a: {}, b: {} });
    worker.disconnects();
    worker.attempts.clear();
    assert.deepEqual(worker.connects(), ["w1 < compute a", "w1 < prefetch b"]);
    assert.deepEqual(lossesOf(harness, "a", "b"), [0, 0]);
    assert.deepEqual(harness.usedBy(worker), { cpu: 1000, slots: 1 });
  });

  test("is told again what it must have missed: grants and stops", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker({ slots: 2 });
    const client = harness.aClient();
    client.submits({ a: {}, b: {} });
    worker.starts("b");
    worker.disconnects();
    client.cancels(["b"]);
    worker.attemptOf("a").granted = false;
    assert.deepEqual(worker.connects(), ["w1 < stop b", "w1 < grant a"]);
  });

  test("stops what nobody ordered", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    harness.aClient().submits({ a: {} });
    worker.disconnects();
    const { task } = worker.attemptOf("a");
    worker.attempts.set(99, { id: 99, task, label: "a", granted: true, phase: 1, recalled: false });
    assert.deepEqual(worker.connects(), ["w1 < grant a", "w1 < stop a"]);
    assert.equal(harness.stateOf("a"), "ASSIGNED");
  });

  test("without the successor of what it still runs is given that order again", () => {
    const { harness, worker, id } = aLostSuccessor();
    assert.deepEqual(worker.connects(), ["w2 < stop a", "w2 < compute a"]);
    assert.ok(worker.attempts.has(id));
    assert.deepEqual(harness.usedBy(worker), { cpu: 1000, slots: 1 });
    assert.deepEqual(lossesOf(harness, "a"), [0]);
  });

  test("without a successor that was stopped since stops what it has, which holds its room", () => {
    const { harness, client, worker } = aLostSuccessor();
    client.cancels(["a"]);
    assert.deepEqual(worker.connects(), ["w2 < stop a"]);
    assert.deepEqual(harness.usedBy(worker), { cpu: 1000, slots: 1 });
    worker.heartbeats();
    assert.ok(harness.state.workers[worker.index].connected, "both know of the same attempts");
    worker.reports(abandoned("a"));
    assert.deepEqual(harness.usedBy(worker), {});
  });

  test("without a successor whose input has gone is given that order too, to ask for it", () => {
    const { harness, other, worker } = aLostSuccessor(["input"]);
    other.exits();
    assert.equal(harness.stateOf("input"), "PENDING queued");
    assert.deepEqual(worker.connects().slice(0, 2), [
      "w2 < stop a",
      "w2 < compute a with input here",
    ]);
    assert.equal(harness.stateOf("a"), "ASSIGNED");
  });

  test("as a new process has lost all that the old one had", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    const client = harness.aClient();
    client.submits({ a: {}, b: {} });
    worker.finishes("a");
    worker.starts("b");
    worker.disconnects();
    assert.deepEqual(worker.restarts(), ["w1 < compute b"]);
    assert.deepEqual(lossesOf(harness, "b"), [1]);
    assert.deepEqual(client.wants("a"), ["w1 < prefetch a"]);
  });

  test("with a value that is still wanted keeps it, whatever attempt computed it", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    const client = harness.aClient();
    client.submits({ a: {} });
    worker.starts("a");
    const ref = harness.refOf("a");
    harness.after(11_000, { silent: true });
    assert.equal(harness.stateOf("a"), "PENDING queued");
    worker.dies();
    worker.values.set(ref, 5);
    assert.deepEqual(worker.connects(), ["c1 < located a at w1"]);
    assert.equal(harness.stateOf("a"), "SUCCEEDED");
  });

  test("with a value that nobody wants drops it", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    const client = harness.aClient();
    client.submits({ a: {} });
    worker.finishes("a");
    worker.disconnects();
    client.releases("a");
    assert.deepEqual(worker.connects(), ["w1 < forget a"]);
    assert.equal(worker.held, "");
  });

  test("without a value that it was said to hold has lost it", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    const client = harness.aClient();
    client.submits({ a: {}, b: { on: ["a"] } });
    worker.reports(finished("a", { value: null }));
    worker.disconnects();
    worker.values.clear();
    worker.attempts.clear();
    assert.deepEqual(worker.connects(), ["w1 < compute a"]);
    assert.equal(harness.stateOf("b"), "PENDING waiting");
  });

  test("while another process with its id is alive is refused", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    worker.dies();
    assert.deepEqual(worker.connects(), ["refused WORKER_ID_IN_USE"]);
  });

  test("without an answer to a retract has its attempt granted when there is room", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    harness.aClient().submits({ a: {}, b: {}, c: {} });
    const idle = harness.aWorker();
    assert.ok(idle.reports(finished("c", { durationUs: 10_000 })).includes("w1 < retract b"));
    worker.disconnects();
    idle.disconnects();
    worker.attempts.delete(worker.attemptOf("a").id);
    assert.ok(worker.connects().includes("w1 < grant b"));
  });
});

describe("a heartbeat", () => {
  test("whose digest of attempts differs ends the connection, and the hello settles it", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    harness.aClient().submits({ a: {}, b: {} });
    worker.attempts.delete(worker.attemptOf("a").id);
    assert.deepEqual(worker.heartbeats(), [
      "disconnect w1: its digest differs from what the controller believes; reconciling",
    ]);
    const lines = worker.connects();
    assert.ok(lines.includes("w1 < grant b"), lines.join("\n"));
    assert.equal(harness.statesOf("a", "b"), "ASSIGNED, ASSIGNED");
  });

  test("whose digest of values differs ends the connection too", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    harness.aClient().submits({ a: {} });
    worker.finishes("a");
    worker.values.clear();
    const [line] = worker.heartbeats();
    assert.match(line, /^disconnect w1: its digest differs/);
  });

  test("is compared with what its worker had applied, not with what is on its way", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker({ slots: 2 });
    const client = harness.aClient();
    client.submits({ a: {}, x: {} });
    worker.finishes("x");
    // The worker speaks before the order to run b and to forget x reach it.
    const before = worker.heartbeatMessage();
    client.submits({ b: {} });
    client.releases("x");
    assert.deepEqual(harness.workerSays(worker, before), []);
    assert.deepEqual(worker.heartbeats(), []);
  });

  test("of a worker with copies agrees", () => {
    const harness = new ControllerHarness();
    const [w1, w2] = [harness.aWorker(), harness.aWorker()];
    const client = harness.aClient();
    client.submits({ a: {} });
    w1.reports(finished("a", { value: null }));
    w2.reports(have("a"));
    assert.deepEqual([...w1.heartbeats(), ...w2.heartbeats()], []);
    client.releases("a");
    assert.deepEqual([...w1.heartbeats(), ...w2.heartbeats()], []);
  });
});

describe("what a worker hands back", () => {
  for (const reason of ["retracted", "dependencyLost", "refused"] as const) {
    test(`as ${reason} is placed again, uncharged`, () => {
      const harness = new ControllerHarness();
      const worker = harness.aWorker();
      harness.aClient().submits({ a: {} });
      worker.reports(handedBack("a", { reason }));
      assert.equal(harness.stateOf("a"), "ASSIGNED");
      const row = harness.rowOf("a");
      const { lossCount, failureCount } = harness.state.tasks;
      assert.deepEqual([lossCount[row], failureCount[row]], [0, 0]);
      assert.deepEqual(harness.usedBy(worker), { cpu: 1000, slots: 1 });
    });
  }
});

test("capacity comes back in each ending: value, error, cancel, hand-back, loss", () => {
  const harness = new ControllerHarness();
  const worker = harness.aWorker({ slots: 5, capacity: { custom: { r: 5000 } } });
  const client = harness.aClient();
  const resources = { ...worker.capacity, cpuMilli: 1000, memoryBytes: 10, custom: { r: 1000 } };
  const r = { spec: { resources } };
  client.submits({ a: r, b: r, c: r, d: r, e: r });
  assert.deepEqual(harness.usedBy(worker), { cpu: 5000, memory: 50, slots: 5, "custom:r": 5000 });
  worker.finishes("a");
  worker.fails("b");
  client.cancels(["c"]);
  worker.reports(abandoned("c"));
  client.cancels(["d"]);
  worker.reports(handedBack("d", { reason: "shutdown" }));
  assert.deepEqual(harness.usedBy(worker), { cpu: 1000, memory: 10, slots: 1, "custom:r": 1000 });
  worker.exits();
  assert.deepEqual(harness.usedBy(worker), {});
});

test("what a leaving worker gives back goes elsewhere, uncharged, and not to it again", () => {
  const harness = new ControllerHarness();
  const leaving = harness.aWorker();
  harness.launch("one");
  leaving.starts("one/0");
  leaving.reports({ kind: "handedBack", label: "one/0", reason: "shutdown" });
  assert.equal(harness.stateOf("one/0"), "PENDING queued");
  const other = harness.aWorker();
  assert.equal(other.orders, "one/0");
  const { tasks } = harness.call("ListTasks", { jobId: "/ann/one" }) as {
    readonly tasks: readonly { readonly attempts: readonly { readonly cause: string }[] }[];
  };
  assert.equal(tasks[0].attempts[0].cause, "drained");
});

test("what was cancelled and let go is forgotten with the worker on which it still stopped", () => {
  const harness = new ControllerHarness();
  const worker = harness.aWorker();
  const client = harness.aClient();
  client.submits({ a: {} });
  worker.starts("a");
  client.cancels(["a"]);
  client.releases("a");
  assert.equal(harness.stateOf("a"), "KILLED");
  worker.exits();
  assert.equal(harness.stateOf("a"), "forgotten");
});
