/**
 * Actors and their calls: where calls go, in which order, and what becomes of them with the actor.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ControllerHarness } from "../../test/support/controller-builders.ts";
import { finished, handedBack } from "../../test/support/fake-worker.ts";
import { noResources } from "../model/resources.ts";
import type { ActorPart } from "../model/spec.ts";
import { explain } from "./explain.ts";
import { callsSentMax } from "./limits.ts";
import { whyNeverAgain } from "./offers.ts";
import type { taskView } from "./views.ts";

type TaskView = ReturnType<typeof taskView>;

const once = { maxRetriesFailure: 0, maxRetriesPreemption: 0 } as const;

function partSpec(part: ActorPart) {
  const f = { kind: "function", bundle: "b".repeat(64), functionName: "f", executor: "thread" };
  return { run: { ...f, part } as never, name: part, resources: noResources, ...once };
}

const actor = { spec: { ...partSpec("actor"), resources: { ...noResources, memoryBytes: 1_024 } } };
const call = (...on: string[]) => ({ spec: partSpec("call"), on: ["actor", ...on] });

/** A worker of one slot where `actor` runs. */
function aRunningActor() {
  const harness = new ControllerHarness();
  const client = harness.aClient();
  const worker = harness.aWorker();
  client.submits({ actor });
  worker.starts("actor");
  return { harness, client, worker };
}

describe("calls of an actor", () => {
  test("wait until it is said to run, and then go in the order of submission", () => {
    const harness = new ControllerHarness();
    const client = harness.aClient();
    const worker = harness.aWorker();
    client.submits({ actor, one: call(), two: call() });
    assert.equal(worker.orders, "actor");
    assert.match(summaryOf(harness, "one"), /waits for its actor actor .*: ASSIGNED/);
    worker.starts("actor");
    assert.equal(worker.orders, "actor+ one two");
  });

  test("take nothing, not even a slot", () => {
    const { harness, client, worker } = aRunningActor();
    const held = { memory: 1_024, "command slots": 1 };
    client.submits({ one: call(), two: call() });
    assert.deepEqual(harness.usedBy(worker), held);
    client.submits({ task: {} });
    worker.reports(finished("one"), finished("two"), finished("task"));
    assert.equal(harness.statesOf("one", "two"), "SUCCEEDED, SUCCEEDED");
    assert.deepEqual(harness.usedBy(worker), held);
  });

  test("wait behind one that waits for a value, which goes alone", () => {
    const { harness, client, worker } = aRunningActor();
    const other = harness.aWorker({ slots: 1 });
    client.submits({ value: {}, reads: call("value"), next: call() });
    assert.match(summaryOf(harness, "next"), /waits for its turn: .* goes before it/);
    const readsId = `/ann/graph-1/${client.numberOf("reads")}`;
    assert.equal(wakersOf(harness, "next")[0].id, readsId);
    const runner = [worker, other].find(({ orders }) => orders.includes("value"));
    runner?.finishes("value");
    assert.match(worker.orders, /reads$/);
    assert.match(summaryOf(harness, "next"), /1 call of actor .* underway$/);
    assert.equal(wakersOf(harness, "next")[0].id, readsId);
    worker.finishes("reads");
    assert.match(worker.orders, /next$/);
  });

  test("that read a value wait until those before them have ended", () => {
    const { client, worker } = aRunningActor();
    client.submits({ value: {} });
    worker.finishes("value");
    client.submits({ one: call(), reads: call("value") });
    assert.equal(worker.orders, "actor+ one");
    worker.finishes("one");
    assert.equal(worker.orders, "actor+ reads");
  });

  test("that were sent say which call they wait for", () => {
    const { harness, client, worker } = aRunningActor();
    client.submits({ one: call(), two: call() });
    assert.match(summaryOf(harness, "two"), /call is assigned on w1$/, "nothing runs yet");
    worker.starts("one");
    assert.match(summaryOf(harness, "two"), /call waits for its turn: .*\/1 goes before it$/);
    const { wakers } = explain(harness.state, "/ann/graph-1/2");
    assert.deepEqual(
      wakers.map(({ kind }) => kind),
      ["DEPENDENCY", "ATTEMPT"],
    );
    assert.match(summaryOf(harness, "one"), /call is running on w1$/);
  });

  test("that were lost with a connection go again in order, whatever is named of them", () => {
    const { client, worker } = aRunningActor();
    client.submits({ one: call(), two: call() });
    const before = worker.attemptOf("two");
    worker.reports(handedBack("one"), handedBack("two"));
    worker.disconnects();
    for (const label of ["one", "two"]) worker.attempts.delete(worker.attemptOf(label).id);
    worker.attempts.set(before.id, before); // That it came back was not acknowledged.
    const lines = worker.connects();
    assert.deepEqual(lines, [
      "w1 < stop two",
      "w1 < compute one with <actor>",
      "w1 < compute two with <actor>",
    ]);
  });

  test("that come back go first again", () => {
    const { harness, client, worker } = aRunningActor();
    client.submits({ value: {} });
    worker.finishes("value");
    client.submits({ reads: call("value"), next: call() });
    worker.reports(handedBack("reads"));
    assert.equal(worker.orders, "actor+ reads");
    worker.finishes("reads");
    assert.equal(worker.orders, "actor+ next");
    assert.equal(harness.stateOf("reads"), "SUCCEEDED");
  });

  test("that come back wait for those that were sent behind them: these come back too", () => {
    const { client, worker } = aRunningActor();
    client.submits({ one: call(), two: call(), three: call() });
    worker.reports(handedBack("one"), handedBack("two"));
    client.submits({ four: call() });
    assert.equal(worker.orders, "actor+ three", "four would begin before three");
    worker.reports(handedBack("three"));
    assert.equal(worker.orders, "actor+ one two three four");
  });

  test("are on their way in bounded number", () => {
    const { client, worker } = aRunningActor();
    const labels = Array.from({ length: callsSentMax + 3 }, (_, i) => `call${i}`);
    client.submits(Object.fromEntries(labels.map((label) => [label, call()])));
    assert.equal(worker.orders.split(" ").length - 1, callsSentMax);
    worker.finishes("call0", "call1");
    assert.equal(worker.orders.split(" ").length - 1, callsSentMax);
  });

  test("fail by themselves, and are not tried again", () => {
    const { harness, client, worker } = aRunningActor();
    client.submits({ one: call(), two: call() });
    worker.fails("one");
    worker.finishes("two");
    assert.equal(harness.statesOf("one", "two"), "FAILED, SUCCEEDED");
    client.retries("one");
    assert.equal(harness.stateOf("one"), "FAILED", "a person's retry runs no call twice");
  });

  test("that ask to run later fail: their object is where they ran, and they ran", () => {
    const { harness, client, worker } = aRunningActor();
    client.submits({ one: call(), two: call() });
    worker.fails("one", { cause: "rescheduled" });
    assert.equal(harness.statesOf("one", "two"), "FAILED, ASSIGNED");
    const failure = harness.state.failures.get(harness.rowOf("one"));
    assert.equal(failure?.code, "TASK_FAILED");
    assert.match(failure.message, /a call cannot be rescheduled/);
  });

  test("go on being sent to a worker that takes no new work, but not to one in trouble", () => {
    const { harness, client, worker } = aRunningActor();
    harness.asks({ type: "cordon-worker", workerId: "w1", cordon: true });
    client.submits({ one: call() });
    assert.equal(worker.orders, "actor+ one");
    worker.feels("no disk");
    client.submits({ two: call() });
    assert.equal(worker.orders, "actor+ one");
    assert.match(summaryOf(harness, "two"), /its worker w1 takes nothing now: no disk$/);
    worker.feels("");
    assert.equal(worker.orders, "actor+ one two");
  });
});

test("calls wait while the worker of their actor is away, and go when it is back", () => {
  const { harness, client, worker } = aRunningActor();
  worker.disconnects();
  client.submits({ one: call() });
  assert.equal(harness.stateOf("one"), "PENDING called");
  worker.connects();
  assert.equal(worker.orders, "actor+ one");
});

test("actors are spread over the workers, also those that ask for nothing", () => {
  const harness = new ControllerHarness();
  const client = harness.aClient();
  const workers = [1, 2, 3].map(() => harness.aWorker());
  const idle = { spec: partSpec("actor") };
  client.submits({ a: idle, b: idle, c: idle, d: actor, e: actor, f: actor });
  const counts = workers.map(({ orders }) => orders.split(" ").length);
  assert.deepEqual(counts, [2, 2, 2]);
});

describe("the end of an actor", () => {
  test("ends what waits for it with its own cause, which names it", () => {
    const { harness, client, worker } = aRunningActor();
    client.submits({ value: {}, reads: call("value"), next: call() });
    worker.fails("actor");
    assert.equal(harness.statesOf("reads", "next"), "UPSTREAM_FAILED, UPSTREAM_FAILED");
    client.submits({ late: call() });
    assert.equal(harness.stateOf("late"), "UPSTREAM_FAILED");
    assert.match(summaryOf(harness, "late"), /is a call of \/ann\/graph-1\/0, which has ended: /);
  });

  test("with its worker fails the calls that may have run, and no worker sees them again", () => {
    const { harness, client, worker } = aRunningActor();
    client.submits({ one: call(), two: call() });
    const other = harness.aWorker();
    worker.exits();
    const states = harness.statesOf("actor", "one", "two");
    assert.equal(states, "WORKER_FAILED, WORKER_FAILED, WORKER_FAILED");
    assert.equal(other.orders, "");
    const failure = harness.state.failures.get(harness.rowOf("one"));
    assert.equal(failure?.code, "ACTOR_LOST");
    assert.equal(failure?.blame, "/ann/graph-1/0");
  });

  test("that may restart begins it anew elsewhere, where the calls go that were not sent", () => {
    const { harness, client, worker } = lostWithOneRestart();
    const other = harness.aWorker();
    worker.exits();
    assert.equal(harness.statesOf("sent", "waits"), "WORKER_FAILED, PENDING waiting");
    other.starts("actor");
    assert.equal(other.orders, "actor+ value");
    other.finishes("value");
    assert.equal(other.orders, "actor+ waits");
    client.releases("sent");
  });

  test("is none where it had not begun: it begins elsewhere, with the calls that wait", () => {
    const harness = new ControllerHarness();
    const client = harness.aClient();
    const worker = harness.aWorker();
    client.submits({ actor, one: call() });
    const other = harness.aWorker();
    worker.exits();
    assert.equal(other.orders, "actor");
    other.starts("actor");
    assert.equal(other.orders, "actor+ one");
  });

  test("does not restart after a drain, unless it may", () => {
    const { harness, client, worker } = aRunningActor();
    client.submits({ one: call() });
    harness.asks({ type: "drain-worker", workerId: "w1", deadlineMs: 1, drain: true });
    harness.after(10);
    worker.obeys();
    assert.equal(harness.stateOf("actor"), "WORKER_FAILED");
    assert.equal(harness.state.failures.get(harness.rowOf("actor"))?.code, "ACTOR_LOST");
  });

  test("comes when nobody holds it any more and its calls have ended", () => {
    const { harness, client, worker } = aRunningActor();
    client.submits({ one: call() });
    client.releases("actor");
    assert.equal(harness.stateOf("actor"), "RUNNING");
    worker.finishes("one");
    assert.equal(worker.orders, "actor-", "it is told to stop");
    worker.obeys();
    assert.deepEqual(harness.usedBy(worker), {});
    const actorRow = harness.rowOf("actor");
    client.releases("one");
    assert.equal(harness.state.tasks.isLive(actorRow), false, "nothing remembers it");
  });

  test("does not come by itself where somebody asked that it goes on", () => {
    const { harness, client } = aRunningActor();
    client.detaches("actor");
    client.releases("actor");
    assert.equal(harness.stateOf("actor"), "RUNNING");
    client.closes();
    assert.equal(harness.stateOf("actor"), "RUNNING");
  });

  test("names what ended it in the failures of its calls", () => {
    const { harness, client, worker } = aRunningActor();
    client.submits({ one: call() });
    worker.exits();
    const failure = harness.state.failures.get(harness.rowOf("one"));
    assert.match(
      failure?.message ?? "",
      /ended on w1 under it \(worker-lost: .+\); it may have run/,
    );
  });

  test("names why it was told to end in the failures of its calls", () => {
    const { harness, client, worker } = aRunningActor();
    client.submits({ one: call() });
    client.cancels(["actor"], "done with it");
    worker.fails("one", { cause: "actor-lost" });
    const failure = harness.state.failures.get(harness.rowOf("one"));
    assert.match(
      failure?.message ?? "",
      /under it \(actor-lost: .*done with it\); it may have run/,
    );
  });

  test("is for good: no retry makes another object, or runs a call that has not run", () => {
    const { harness, client, worker } = aRunningActor();
    client.submits({ value: {}, reads: call("value"), after: { on: ["reads"] } });
    worker.fails("actor");
    const ended = "FAILED, UPSTREAM_FAILED, UPSTREAM_FAILED";
    assert.equal(harness.statesOf("actor", "reads", "after"), ended);
    client.retries("actor", "reads", "after");
    assert.equal(harness.statesOf("actor", "reads", "after"), ended);
    for (const label of ["actor", "reads"]) {
      const taskId = `/ann/graph-1/${client.numberOf(label)}`;
      const lines = harness.asks({ type: "retry-task", taskId });
      assert.deepEqual(lines, ["refused CONFLICT"], label);
    }
    assert.match(whyNeverAgain(harness.state, harness.rowOf("actor")), /^its object is gone/);
    assert.match(whyNeverAgain(harness.state, harness.rowOf("reads")), /no call runs twice/);
    harness.asks({ type: "retry-job", jobId: "/ann/graph-1", token: "t", tokenHash: "t" });
    assert.equal(harness.statesOf("actor", "reads", "after"), ended);
  });

  test("or its life has no value to be copied", () => {
    const { harness } = aRunningActor();
    const copies = { type: "replicate-value", taskId: "/ann/graph-1/0", copies: 2 } as const;
    assert.deepEqual(harness.asks(copies), ["refused INVALID_ARGUMENT"]);
  });

  test("by a return is a failure: an object that is gone has no value", () => {
    const { harness, worker } = aRunningActor();
    worker.reports(finished("actor"));
    assert.equal(harness.stateOf("actor"), "FAILED");
  });
});

function lostWithOneRestart() {
  const harness = new ControllerHarness();
  const client = harness.aClient();
  const worker = harness.aWorker();
  const restarts = { maxRetriesFailure: 1, maxRetriesPreemption: 1 };
  client.submits({ actor: { spec: { ...actor.spec, ...restarts } } });
  worker.starts("actor");
  client.submits({ sent: call(), value: {}, waits: call("value") });
  return { harness, client, worker };
}

describe("what is shown of", () => {
  const taskOf = (harness: ControllerHarness, label: string) => {
    const taskId = `/ann/graph-1/${harness.clients[0].numberOf(label)}`;
    const { task } = harness.call("GetTaskStatus", { taskId }) as { task: TaskView };
    return task;
  };

  test("an actor is how many calls it has not answered, and that nobody can try it again", () => {
    const { harness, client, worker } = aRunningActor();
    assert.deepEqual(taskOf(harness, "actor").calls, { waitingCount: 0, underwayCount: 0 });
    client.submits({ one: call(), value: {}, reads: call("value"), next: call() });
    const { part, calls, retryRefusal } = taskOf(harness, "actor");
    assert.deepEqual([part, retryRefusal], ["ACTOR", null]);
    assert.deepEqual(calls, { waitingCount: 2, underwayCount: 1 });
    assert.deepEqual([taskOf(harness, "one").part, taskOf(harness, "value").part], ["CALL", null]);
    worker.fails("actor");
    const ended = taskOf(harness, "actor");
    assert.equal(ended.calls, null);
    assert.match(ended.retryRefusal ?? "", /FAILED and does not run again: its object is gone/);
    assert.match(taskOf(harness, "next").retryRefusal ?? "", /no call runs twice/);
  });

  test("a call is a lane of its own, however busy the worker's slots are", () => {
    const { harness, client, worker } = aRunningActor();
    client.submits({ task: {}, one: call() });
    worker.starts("task", "one");
    harness.after(1_000);
    worker.finishes("task", "one");
    const { runs } = harness.call("GetTaskStream", {}) as { runs: { lane: number }[] };
    assert.equal(new Set(runs.map(({ lane }) => lane)).size, 3);
  });
});

describe("a submission is refused that", () => {
  function refusalOf(drafts: Parameters<ReturnType<ControllerHarness["aClient"]>["submits"]>[0]) {
    const harness = new ControllerHarness();
    const lines = harness.aClient().submits(drafts);
    return lines.find((line) => line.includes("refused")) ?? "";
  }

  test("depends on an actor without calling it", () => {
    assert.match(refusalOf({ actor, task: { on: ["actor"] } }), /refused/);
    assert.match(refusalOf({ actor, other: actor, one: call("other") }), /refused/);
  });

  test("calls what is no actor", () => {
    assert.match(refusalOf({ task: {}, one: { spec: partSpec("call"), on: ["task"] } }), /refused/);
    assert.match(refusalOf({ one: { spec: partSpec("call") } }), /refused/);
  });

  test("gives a key to an actor", () => {
    assert.match(refusalOf({ actor: { ...actor, key: "k" } }), /refused/);
  });
});

function explained(harness: ControllerHarness, label: string) {
  const client = harness.clients[0];
  return explain(harness.state, `/ann/graph-1/${client.numberOf(label)}`);
}

function summaryOf(harness: ControllerHarness, label: string): string {
  return explained(harness, label).summary;
}

function wakersOf(harness: ControllerHarness, label: string) {
  return explained(harness, label).wakers;
}
