/**
 * What workers report: delivery is at least once, in any order between attempts, and as late as it
 * likes. A report about an attempt that its task has let go of closes the ledger and nothing else.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { assertSameText, ControllerHarness } from "../../test/support/controller-builders.ts";
import {
  abandoned,
  finished,
  handedBack,
  have,
  kept,
  lost,
  retractRefused,
  started,
} from "../../test/support/fake-worker.ts";
import { durableText } from "./snapshot.ts";

/** A graph with every kind of end, on workers whose every message arrives `deliveries` times. */
function aStory(deliveries: number): ControllerHarness {
  const harness = new ControllerHarness({ deliveries });
  const client = harness.aClient();
  const [w1, w2] = [harness.aWorker({ slots: 2 }), harness.aWorker()];
  const retried = { spec: { maxRetriesFailure: 1 } };
  client.submits({ a: {}, b: retried, c: {}, d: { on: ["a", "c"] }, e: { on: ["b"] } });
  assert.deepEqual([w1.orders, w2.orders], ["a c", "b"]);
  w2.starts("b");
  w1.reports(started("a"), started("c"), finished("c", { value: null }));
  w2.fails("b");
  w1.reports(finished("a"));
  assert.deepEqual([w1.orders, w2.orders], ["d", "b"]);
  w2.reports(have("c"));
  client.cancels(["d"]);
  w1.reports(abandoned("d"));
  w2.fails("b");
  assert.equal(harness.statesOf("d", "e"), "KILLED, UPSTREAM_FAILED");
  client.retries("e");
  harness.after(500);
  client.releases("a", "d");
  return harness;
}

test("every message delivered twice changes what it changes once", () => {
  const once = durableText(aStory(1).state);
  assertSameText(durableText(aStory(2).state), once, "twice is once");
});

describe("a report that comes again", () => {
  test("of a success changes nothing", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    harness.aClient().submits({ a: {} });
    worker.finishes("a");
    const text = durableText(harness.state);
    assert.deepEqual(worker.finishes("a"), []);
    assert.equal(durableText(harness.state), text);
  });

  test("of a failure charges no retry", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    harness.aClient().submits({ a: { spec: { maxRetriesFailure: 1 } } });
    const { id } = worker.attemptOf("a");
    worker.fails("a");
    worker.fails("a", { attempt: id });
    assert.equal(harness.stateOf("a"), "ASSIGNED");
    assert.equal(harness.state.tasks.failureCount[harness.rowOf("a")], 1);
  });

  test("of a start is told once to everybody who wants its task", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    harness.aClient().submits({ a: { key: "k", args: "x" } });
    harness.aClient().submits({ b: { key: "k", args: "x" } });
    assert.deepEqual(worker.reports(started("a")), ["c1 < started a", "c2 < started b"]);
    assert.deepEqual(worker.reports(started("a")), []);
  });

  test("of a start neither starts again nor moves the time", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    harness.aClient().submits({ a: {} });
    worker.starts("a");
    const text = durableText(harness.state);
    worker.starts("a");
    assert.equal(durableText(harness.state), text);
  });
});

describe("a report that comes late", () => {
  test("of a start after the end changes nothing", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    harness.aClient().submits({ a: {} });
    worker.finishes("a");
    worker.starts("a");
    assert.equal(harness.stateOf("a"), "SUCCEEDED");
  });

  test("of a success by an attempt that was handed back is the value of its task", () => {
    const harness = new ControllerHarness();
    const [w1, w2] = [harness.aWorker(), harness.aWorker()];
    harness.aClient().submits({ a: {} });
    const { id } = w1.attemptOf("a");
    w1.reports(handedBack("a", { reason: "refused" }));
    const runner = [w1, w2].find((one) => one.orders === "a");
    assert.ok(runner !== undefined);
    w1.reports(finished("a", { attempt: id }));
    assert.equal(harness.stateOf("a"), "SUCCEEDED");
    assert.equal(runner.attemptOf("a").phase, 2, "the other one is told to stop");
    runner.reports(abandoned("a"));
    assert.deepEqual(harness.usedBy(runner), {});
  });

  test("of a success for a task that is queued again takes it out of its queue", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    harness.aClient().submits({ a: {} });
    const { id } = worker.attemptOf("a");
    worker.disconnects();
    harness.after(11_000);
    assert.equal(harness.stateOf("a"), "PENDING queued");
    worker.connects();
    const lines = worker.reports(finished("a", { attempt: id }));
    assert.ok(lines.includes("c1 < results a"), lines.join("\n"));
    assert.equal(harness.stateOf("a"), "SUCCEEDED");
  });

  test("of a failure by an attempt that is not the current one charges nothing", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    const client = harness.aClient();
    client.submits({ a: {} });
    worker.starts("a");
    const { id } = worker.attemptOf("a");
    client.cancels(["a"]);
    client.retries("a");
    worker.fails("a", { attempt: id });
    assert.equal(harness.stateOf("a"), "ASSIGNED");
  });

  test("about a task that is forgotten has the worker forget it", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    const client = harness.aClient();
    client.submits({ a: {} });
    worker.finishes("a");
    client.releases("a");
    assert.deepEqual(worker.finishes("a"), ["w1 < forget a"]);
    assert.deepEqual(worker.fails("a"), ["w1 < forget a"]);
    assert.equal(harness.stateOf("a"), "forgotten");
  });

  test("about an attempt of another worker changes no task", () => {
    const harness = new ControllerHarness();
    const [w1, w2] = [harness.aWorker(), harness.aWorker()];
    harness.aClient().submits({ a: {} });
    const { id, task } = w1.attemptOf("a");
    w2.attempts.set(id, { id, task, label: "a", granted: true, phase: 0, recalled: false });
    assert.deepEqual(w2.fails("a"), ["w2 < forget a"]);
    assert.equal(harness.stateOf("a"), "ASSIGNED");
  });
});

describe("a grant that is handed over", () => {
  test("stays charged once while one attempt after the other uses it", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    harness.aClient().submits({ a: {}, b: {}, c: {} });
    assert.equal(worker.orders, "a (b)");
    const lines = worker.reports(finished("a", { successor: "b" }), started("b"));
    assert.deepEqual(lines, ["c1 < results a", "c1 < started b", "w1 < prefetch c"]);
    assert.deepEqual(harness.usedBy(worker), { cpu: 1000, slots: 1 });
    worker.reports(finished("b", { successor: "c" }), finished("c"));
    assert.deepEqual(harness.usedBy(worker), {});
    assert.equal(harness.statesOf("a", "b", "c"), "SUCCEEDED, SUCCEEDED, SUCCEEDED");
  });

  test("of a failed or stopped attempt too", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    const client = harness.aClient();
    client.submits({ a: {}, b: {}, c: {} });
    worker.fails("a", { successor: worker.attemptOf("b").id });
    worker.attemptOf("b").granted = true;
    assert.equal(worker.orders, "b (c)");
    client.cancels(["b"]);
    worker.reports(abandoned("b", { successor: "c" }));
    assert.deepEqual(harness.usedBy(worker), { cpu: 1000, slots: 1 });
    worker.finishes("c");
    assert.deepEqual(harness.usedBy(worker), {});
  });

  test("to nobody that is known goes back to its worker", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    harness.aClient().submits({ a: {} });
    worker.fails("a", { successor: 12_345 });
    assert.deepEqual(harness.usedBy(worker), {});
  });
});

/** `a` is let go of, and its worker could not drop it; `b` is to run there. */
function aKeptValue() {
  const harness = new ControllerHarness();
  const worker = harness.aWorker({ slots: 2 });
  const client = harness.aClient();
  client.submits({ a: {}, b: {} });
  worker.finishes("a");
  client.releases("a");
  assert.deepEqual(worker.reports(kept("a")), [], "it is still being read");
  return worker;
}

describe("values that workers speak of", () => {
  test("a copy makes another holder, and takes over when the first is lost", () => {
    const harness = new ControllerHarness();
    const [w1, w2] = [harness.aWorker(), harness.aWorker()];
    const client = harness.aClient();
    client.submits({ a: {} });
    w1.reports(finished("a", { value: null }));
    w2.reports(have("a"));
    w1.exits();
    assert.equal(harness.stateOf("a"), "SUCCEEDED");
    assert.deepEqual(client.wants("a"), ["c1 < located a at w2"]);
  });

  test("a copy of what nobody remembers is forgotten", () => {
    const harness = new ControllerHarness();
    const [w1, w2] = [harness.aWorker(), harness.aWorker()];
    const client = harness.aClient();
    client.submits({ a: {} });
    w1.finishes("a");
    client.releases("a");
    assert.deepEqual(w2.reports(have("a")), ["w2 < forget a"]);
  });

  test("a value that is kept is counted once, however often that is said", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    const client = harness.aClient();
    client.submits({ a: {}, b: {} });
    worker.finishes("a");
    assert.deepEqual(client.releases("a"), ["w1 < forget a"]);
    worker.reports(kept("a"), kept("a"));
    assert.ok(worker.finishes("b").includes("w1 < forget a"));
    assert.equal(harness.state.workers[0].keptValues.size, 0);
  });

  test("a copy of what has failed is forgotten", () => {
    const harness = new ControllerHarness();
    const [w1, w2] = [harness.aWorker(), harness.aWorker()];
    harness.aClient().submits({ a: {} });
    w1.fails("a");
    assert.deepEqual(w2.reports(have("a")), ["w2 < forget a"]);
  });

  test("a value that is lost and needed is computed again, with what that needs", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    const client = harness.aClient();
    client.submits({ a: {}, b: { on: ["a"] }, c: { on: ["b"] } });
    worker.reports(finished("a", { value: null }));
    worker.reports(finished("b", { value: null }));
    worker.reports(lost("a"), lost("b"));
    assert.equal(harness.statesOf("a", "b"), "ASSIGNED, PENDING waiting");
    assert.equal(harness.state.recomputedCount, 2);
  });

  test("a value that is lost and that nobody needs is not computed again", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    harness.aClient().submits({ a: {} });
    worker.finishes("a");
    assert.deepEqual(worker.reports(lost("a")), []);
    assert.equal(harness.stateOf("a"), "SUCCEEDED");
  });

  test("losing what it never held changes nothing", () => {
    const harness = new ControllerHarness();
    const [w1, w2] = [harness.aWorker(), harness.aWorker()];
    harness.aClient().submits({ a: {} });
    w1.finishes("a");
    const text = durableText(harness.state);
    assert.deepEqual(w2.reports(lost("a")), []);
    assert.equal(durableText(harness.state), text);
  });

  test("a value that could not be dropped is tried again when something has ended there", () => {
    const worker = aKeptValue();
    assert.deepEqual(worker.heartbeats(), []);
    worker.starts("b");
    assert.deepEqual(worker.finishes("b"), ["c1 < results b", "w1 < forget a"]);
    assert.deepEqual(worker.heartbeats(), []);
  });

  test("a value that could not be dropped counts no more when it is lost or told anew", () => {
    for (const word of [lost("a"), have("a")]) {
      const worker = aKeptValue();
      assert.deepEqual(worker.reports(word), word.kind === "have" ? ["w1 < forget a"] : []);
      assert.deepEqual(worker.heartbeats(), [], `its digest is its own after ${word.kind}`);
      worker.starts("b");
      assert.deepEqual(worker.finishes("b"), ["c1 < results b"], "nothing is tried again");
    }
  });

  test("a value that an inventory named is not believed by an answer that is said again", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    const client = harness.aClient();
    client.submits({ a: {} });
    worker.starts("a");
    const before = worker.attemptOf("a");
    client.cancels(["a"]);
    worker.disconnects();
    worker.values.set(harness.refOf("a"), 10);
    const lines = worker.connects();
    assert.ok(lines.includes("w1 < forget a"), lines.join("; "));
    client.retries("a");
    worker.reports(finished("a", { value: null, attempt: before.id }));
    worker.values.delete(harness.refOf("a"));
    assert.equal(harness.stateOf("a"), "ASSIGNED", "as ordered, it was dropped");
    assert.deepEqual(worker.heartbeats(), []);
  });

  test("an order to forget says how many messages of its connection were heard", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    harness.aClient().submits({ a: {} });
    worker.fails("a");
    worker.heard.length = 0;
    worker.reports(have("a"));
    worker.disconnects();
    worker.values.set(harness.refOf("a"), 1);
    worker.connects();
    assert.deepEqual(worker.heard, [2, 0]);
  });

  test("a value that could not be dropped is not counted twice after a reconnect", () => {
    const worker = aKeptValue();
    worker.disconnects();
    assert.deepEqual(worker.connects(), ["w1 < grant b", "w1 < forget a"]);
    assert.deepEqual(worker.heartbeats(), [], "its digest is that of what it holds");
  });
});

test("a retract that comes too late is refused, and its attempt goes on", () => {
  const harness = new ControllerHarness();
  const worker = harness.aWorker();
  harness.aClient().submits({ a: {}, b: {}, c: {} });
  assert.equal(worker.orders, "a (b)");
  const idle = harness.aWorker();
  assert.equal(idle.orders, "c");
  const lines = idle.reports(finished("c", { durationUs: 10_000 }));
  assert.deepEqual(lines, ["w1 < retract b", "c1 < results c"]);
  worker.reports(finished("a", { successor: "b" }), started("b"));
  assert.deepEqual(worker.reports(retractRefused("b")), []);
  assert.equal(harness.stateOf("b"), "RUNNING");
  assert.deepEqual(worker.finishes("b"), ["c1 < results b"]);
});

test("a command that prepares its directory is BUILDING until it starts, and not after", () => {
  const harness = new ControllerHarness();
  const worker = harness.aWorker();
  harness.launch("one");
  const building = { kind: "building", label: "one/0" } as const;
  worker.reports(building);
  assert.equal(harness.stateOf("one/0"), "BUILDING");
  const { tasks } = harness.call("GetJobStatus", { jobId: "/ann/one" }) as {
    readonly tasks: readonly { readonly attempts: readonly { readonly state: string }[] }[];
  };
  assert.deepEqual(
    tasks[0].attempts.map(({ state }) => state),
    ["BUILDING"],
  );
  worker.starts("one/0");
  assert.equal(harness.stateOf("one/0"), "RUNNING");
  worker.reports(building);
  assert.equal(harness.stateOf("one/0"), "RUNNING");
});

test("a copy that its own holder, or a known one, speaks of again makes no other", () => {
  const harness = new ControllerHarness();
  const [w1, w2, w3] = [harness.aWorker(), harness.aWorker(), harness.aWorker()];
  const client = harness.aClient();
  client.submits({ a: {} });
  w1.reports(finished("a", { value: null }));
  w1.reports(have("a"));
  w2.reports(have("a"));
  w2.reports(have("a"));
  w3.reports(have("a"));
  w2.exits();
  w1.exits();
  assert.deepEqual(client.wants("a"), ["c1 < located a at w3"]);
  w3.exits();
  assert.equal(harness.state.extraHolders.size, 0);
});
