/**
 * What clients ask of tasks: cancel, retry, release, and the outcome itself.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ControllerHarness } from "../../test/support/controller-builders.ts";
import { abandoned, finished } from "../../test/support/fake-worker.ts";
import { queueDeadEntriesMax } from "./limits.ts";
import { headTask } from "./queue-order.ts";

function aBusyCluster() {
  const harness = new ControllerHarness();
  const client = harness.aClient();
  const worker = harness.aWorker();
  return { harness, client, worker };
}

describe("cancel", () => {
  test("of queued tasks, again and again, leaves no growing queue behind", () => {
    const { harness, client } = aBusyCluster();
    client.submits({ a: {}, b: {}, first: {} });
    for (let round = 0; round < 200; round++) {
      client.submits({ [`t${round}`]: {} });
      client.cancels([`t${round}`]);
    }
    const [shape] = harness.state.shapes;
    assert.equal(headTask(shape), harness.rowOf("first"));
    assert.ok(shape.fresh.length <= 2 * shape.queued + queueDeadEntriesMax + 1);
  });

  test("of a queued task: it never starts", () => {
    const { harness, client, worker } = aBusyCluster();
    client.submits({ a: {}, b: {}, c: {} });
    assert.deepEqual(client.cancels(["c"]), [
      "c1 < accepted 2",
      "c1 < KILLED TASK_CANCELLED c, to blame: /ann/graph-1/2",
    ]);
    assert.equal(harness.stateOf("c"), "KILLED");
    worker.finishes("a");
    worker.finishes("b");
    assert.equal(worker.orders, "");
  });

  test("of a running task frees the task at once, and its grant when the attempt has ended", () => {
    const { harness, client, worker } = aBusyCluster();
    client.submits({ a: {} });
    worker.starts("a");
    assert.deepEqual(client.cancels(["a"], "no use"), [
      "c1 < accepted 2",
      "w1 < stop a",
      "c1 < KILLED TASK_CANCELLED a, to blame: /ann/graph-1/0",
    ]);
    assert.equal(harness.state.failures.get(harness.rowOf("a"))?.message, "no use");
    client.submits({ b: {} });
    assert.equal(worker.orders, "a- (b)", "what comes next waits for the grant");
    assert.deepEqual(harness.usedBy(worker), { cpu: 1000, slots: 1 });
    assert.deepEqual(worker.reports(abandoned("a")), ["w1 < grant b", "w1 < forget a"]);
    worker.finishes("b");
    assert.deepEqual(harness.usedBy(worker), {});
  });

  test("of what waits for the cancelled task kills it too", () => {
    const { harness, client } = aBusyCluster();
    client.submits({ a: {}, b: { on: ["a"] }, c: { on: ["b"] } });
    client.cancels(["a"]);
    assert.equal(harness.statesOf("a", "b", "c"), "KILLED, KILLED, KILLED");
    assert.equal(harness.state.failures.get(harness.rowOf("c"))?.blame, "/ann/graph-1/0");
  });

  test("of what has ended changes nothing", () => {
    const { harness, client, worker } = aBusyCluster();
    client.submits({ a: {} });
    worker.finishes("a");
    assert.deepEqual(client.cancels(["a"]), ["c1 < accepted 2"]);
    assert.equal(harness.stateOf("a"), "SUCCEEDED");
  });

  test("is taken up once, however often it arrives", () => {
    const { harness, client } = aBusyCluster();
    client.submits({ a: {} });
    client.cancels(["a"]);
    client.retries("a");
    const again = { type: "cancel", sequence: 2, tasks: [0], reason: "" } as const;
    assert.deepEqual(client.says(again), ["c1 < accepted 3"]);
    assert.notEqual(harness.stateOf("a"), "KILLED");
  });

  test("whose attempt fails meanwhile reports no failure and charges no retry", () => {
    const { harness, client, worker } = aBusyCluster();
    client.submits({ a: { spec: { maxRetriesFailure: 3 } }, b: {} });
    worker.starts("a");
    client.cancels(["a"]);
    assert.deepEqual(worker.fails("a"), ["w1 < grant b", "w1 < forget a"]);
    assert.equal(harness.stateOf("a"), "KILLED");
    assert.equal(harness.state.tasks.failureCount[harness.rowOf("a")], 0);
  });

  test("whose attempt finishes meanwhile drops the value", () => {
    const { harness, client, worker } = aBusyCluster();
    client.submits({ a: {} });
    worker.starts("a");
    client.cancels(["a"]);
    assert.deepEqual(worker.finishes("a"), ["w1 < forget a"]);
    assert.equal(harness.stateOf("a"), "KILLED");
    assert.equal(worker.held, "");
  });

  test("by one of two clients leaves the other its result", () => {
    const { harness, client, worker } = aBusyCluster();
    const other = harness.aClient();
    client.submits({ a: { key: "k", args: "1" } });
    other.submits({ b: { key: "k", args: "1" } });
    worker.starts("a");
    assert.deepEqual(client.cancels(["a"]), [
      "c1 < accepted 2",
      "c1 < KILLED TASK_CANCELLED a, to blame: /ann/graph-1/0",
    ]);
    assert.deepEqual(worker.finishes("a"), ["c2 < results b"]);
    assert.deepEqual(other.cancels(["b"]), ["c2 < accepted 2"]);
  });

  test("of an input lets it go on while another client waits for what needs it", () => {
    const { harness, client, worker } = aBusyCluster();
    const other = harness.aClient();
    const x = { key: "x", args: "x" };
    const k = { key: "k", args: "k" };
    client.submits({ x, k: { ...k, on: ["x"] } });
    other.submits({ x2: x, k2: { ...k, on: ["x2"] } });
    other.releases("x2");
    assert.deepEqual(client.cancels(["x"]), [
      "c1 < accepted 2",
      "c1 < KILLED TASK_CANCELLED x, to blame: /ann/graph-1/0",
    ]);
    worker.finishes("x");
    assert.deepEqual(worker.finishes("k"), ["c1 < results k", "c2 < results k2", "w1 < forget x"]);
    assert.equal(harness.stateOf("x"), "SUCCEEDED");
  });
});

describe("retry", () => {
  test("runs the failed inputs again, not only the task that was named", () => {
    const { client, worker } = aBusyCluster();
    client.submits({ a: {}, b: { on: ["a"] }, c: { on: ["b"] } });
    worker.fails("a");
    assert.deepEqual(client.retries("c"), ["c1 < accepted 2", "w1 < compute a"]);
    worker.finishes("a");
    worker.finishes("b");
    assert.deepEqual(worker.finishes("c"), ["c1 < results c"]);
  });

  test("counts failures from zero again", () => {
    const { harness, client, worker } = aBusyCluster();
    client.submits({ a: { spec: { maxRetriesFailure: 1 } } });
    worker.fails("a");
    worker.fails("a");
    assert.equal(harness.stateOf("a"), "FAILED");
    client.retries("a");
    worker.fails("a");
    assert.equal(harness.stateOf("a"), "ASSIGNED");
  });

  test("of what succeeded, or never existed, runs nothing and says what is known", () => {
    const { client, worker } = aBusyCluster();
    client.submits({ a: {} });
    worker.finishes("a");
    client.numbers.set("ghost", 77);
    assert.deepEqual(client.retries("a", "ghost"), [
      "c1 < accepted 2",
      "c1 < located a at w1",
      "c1 < FAILED NOT_FOUND #77, to blame: ",
    ]);
    assert.equal(worker.orders, "");
  });

  test("of what needs a task without handles keeps that task's value no longer than needed", () => {
    const { harness, client, worker } = aBusyCluster();
    client.submits({ a: {}, b: { on: ["a"] } });
    worker.fails("a");
    client.releases("a");
    client.retries("b");
    client.disconnects();
    worker.finishes("a");
    // Nobody awaits the value of a: it goes with its last reader, and is not computed again.
    assert.ok(worker.finishes("b").includes("w1 < forget a"));
    assert.equal(harness.stateOf("b"), "SUCCEEDED");
    assert.equal(worker.orders, "");
  });

  test("of a cancelled task that still runs takes its grant over: one execution", () => {
    const { harness, client, worker } = aBusyCluster();
    client.submits({ a: {} });
    worker.starts("a");
    const { id } = worker.attemptOf("a");
    client.cancels(["a"]);
    assert.deepEqual(client.retries("a"), ["c1 < accepted 3", "w1 < compute a"]);
    assert.deepEqual(harness.usedBy(worker), { cpu: 1000, slots: 1 });
    assert.notEqual(worker.attemptOf("a").id, id);
    assert.deepEqual(worker.finishes("a"), ["c1 < results a"]);
    assert.deepEqual(harness.usedBy(worker), {});
  });

  test("of a cancelled task takes the value of its old attempt, and stops the new one", () => {
    const { harness, client, worker } = aBusyCluster();
    client.submits({ a: {} });
    worker.starts("a");
    const { id } = worker.attemptOf("a");
    client.cancels(["a"]);
    client.retries("a");
    const lines = worker.reports(finished("a", { attempt: id }));
    assert.deepEqual(lines, ["w1 < stop a", "c1 < results a"]);
    assert.deepEqual(harness.usedBy(worker), { cpu: 1000, slots: 1 });
    worker.reports(abandoned("a"));
    assert.deepEqual(harness.usedBy(worker), {});
    assert.equal(harness.stateOf("a"), "SUCCEEDED");
  });

  test("waits while its old attempt may hand its grant to what waits on the worker", () => {
    const { harness, client, worker } = aBusyCluster();
    client.submits({ a: {}, b: {} });
    assert.equal(worker.orders, "a (b)");
    client.cancels(["a"]);
    assert.deepEqual(client.retries("a"), ["c1 < accepted 3"]);
    assert.equal(harness.stateOf("a"), "PENDING held");
    worker.reports(abandoned("a", { successor: "b" }));
    assert.deepEqual(harness.usedBy(worker), { cpu: 1000, slots: 1 });
    worker.finishes("b");
    assert.equal(worker.orders, "a");
  });

  test("leaves nothing to take a second grant while the old attempt runs on", () => {
    const { client, worker } = aBusyCluster();
    client.submits({ a: {} });
    worker.starts("a");
    client.cancels(["a"]);
    client.retries("a");
    assert.deepEqual(client.submits({ b: {} }), ["c1 < accepted 4"]);
  });

  test("waits while the old attempt stops on a worker that cannot be reached", () => {
    const { harness, client, worker } = aBusyCluster();
    client.submits({ a: {} });
    worker.starts("a");
    worker.disconnects();
    client.cancels(["a"]);
    client.retries("a");
    assert.equal(harness.stateOf("a"), "PENDING held");
    worker.exits();
    assert.equal(harness.stateOf("a"), "PENDING queued");
    assert.equal(harness.state.tasks.lossCount[harness.rowOf("a")], 0);
  });
});

describe("want", () => {
  test("of what has ended is answered with its outcome, as often as it is asked", () => {
    const { client, worker } = aBusyCluster();
    client.submits({ a: {}, b: {} });
    worker.finishes("a");
    worker.fails("b");
    assert.deepEqual(client.wants("a", "b"), [
      "c1 < located a at w1",
      "c1 < FAILED TASK_FAILED b, to blame: /ann/graph-1/1",
    ]);
  });

  test("of what ended while its client was away is answered: nobody waits for it then", () => {
    const { harness, client, worker } = aBusyCluster();
    client.submits({ a: {} });
    client.disconnects();
    worker.finishes("a");
    client.connects();
    client.wants("a");
    worker.exits();
    assert.equal(harness.stateOf("a"), "SUCCEEDED", "its value is gone, and not computed again");
  });

  test("of what was released says that nobody knows it", () => {
    const { client, worker } = aBusyCluster();
    client.submits({ a: {} });
    worker.finishes("a");
    client.releases("a");
    assert.deepEqual(client.wants("a"), ["c1 < FAILED NOT_FOUND a, to blame: "]);
  });

  test("of a value that is gone has it computed again", () => {
    const { harness, client, worker } = aBusyCluster();
    client.submits({ a: {} });
    worker.finishes("a");
    worker.exits();
    assert.equal(harness.stateOf("a"), "SUCCEEDED");
    client.wants("a");
    assert.equal(harness.stateOf("a"), "PENDING queued");
    const next = harness.aWorker();
    assert.deepEqual(next.finishes("a"), ["c1 < results a"]);
  });
});

describe("release", () => {
  test("of a running task lets it end, and forgets it then", () => {
    const { harness, client, worker } = aBusyCluster();
    client.submits({ a: {} });
    worker.starts("a");
    assert.deepEqual(client.releases("a"), []);
    assert.equal(harness.stateOf("a"), "RUNNING");
    assert.deepEqual(worker.finishes("a"), ["w1 < forget a"]);
    assert.equal(harness.stateOf("a"), "forgotten");
  });

  test("twice is once", () => {
    const { harness, client, worker } = aBusyCluster();
    client.submits({ a: {}, b: { on: ["a"] } });
    client.releases("a");
    client.releases("a");
    worker.finishes("a");
    assert.equal(harness.stateOf("a"), "SUCCEEDED");
    worker.finishes("b");
    assert.equal(harness.statesOf("a", "b"), "SUCCEEDED, SUCCEEDED");
  });

  test("and submit again computes again: no stale value", () => {
    const { client, worker } = aBusyCluster();
    client.submits({ a: { key: "k", args: "1" } });
    worker.finishes("a");
    client.releases("a");
    assert.deepEqual(client.submits({ b: { key: "k", args: "1" } }), [
      "c1 < accepted 2",
      "w1 < compute b",
    ]);
  });

  test("of an input drops its value with its last dependent, and its record with theirs", () => {
    const { harness, client, worker } = aBusyCluster();
    client.submits({ a: {}, b: { on: ["a"] }, c: { on: ["a"] } });
    client.releases("a");
    worker.finishes("a");
    worker.finishes("b");
    assert.equal(worker.held, "a b");
    assert.deepEqual(worker.finishes("c"), ["c1 < results c", "w1 < forget a"]);
    assert.equal(harness.stateOf("a"), "SUCCEEDED");
    client.releases("b", "c");
    assert.equal(harness.statesOf("a", "b", "c"), "forgotten, forgotten, forgotten");
  });
});

test("of two clients with one key the second cancels nothing that the first still wants", () => {
  const harness = new ControllerHarness();
  const [one, other] = [harness.aClient(), harness.aClient()];
  one.submits({ mine: { key: "k" } });
  other.submits({ theirs: { key: "k" } });
  other.cancels(["theirs"]);
  assert.equal(harness.stateOf("mine"), "PENDING queued");
});
