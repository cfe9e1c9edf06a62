/**
 * Submission: all of a graph or nothing, keys, and what is said of tasks that no worker could run.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ControllerHarness } from "../../test/support/controller-builders.ts";
import { aSpec, type Drafts, type FakeClient } from "../../test/support/fake-client.ts";
import { defaultRequest } from "../model/resources.ts";
import { durableText } from "./snapshot.ts";

/** Submits what must be refused: nothing may be left of it but its sequence. */
function refusalOf(harness: ControllerHarness, client: FakeClient, drafts: Drafts): string {
  const message = client.submission(drafts);
  const afterSpecs = durableText(harness.state);
  const lines = client.says(message);
  const record = harness.state.clients[client.index];
  assert.equal(record?.lastSequence, client.sequence, "its sequence is taken");
  const sequence = `"lastSequence":${client.sequence}`;
  const left = durableText(harness.state).replace(
    sequence,
    `"lastSequence":${client.sequence - 1}`,
  );
  assert.equal(left, afterSpecs, "nothing else changed");
  assert.equal(lines.length, 1);
  return lines[0].replace(/^c\d+ < refused \d+ /, "");
}

describe("a submission is refused whole, with what is wrong with it", () => {
  test("a circle names its tasks", () => {
    const harness = new ControllerHarness();
    const client = harness.aClient();
    const drafts = { a: {}, b: { on: ["a", "d"] }, c: { on: ["b"] }, d: { on: ["c"] } };
    const refusal = refusalOf(harness, client, drafts);
    assert.match(refusal, /^GRAPH_CYCLE: tasks depend on each other in a circle: /);
    const [, words, details] = /^.*: ([\d >-]+) (.*)$/.exec(refusal) ?? [];
    const circle = words.split(" -> ").map(Number);
    assert.equal(circle[0], circle.at(-1));
    assert.deepEqual(JSON.parse(details), { tasks: circle });
    assert.deepEqual([...new Set(circle)].sort(), [1, 2, 3]);
  });

  test("a task that needs itself is a circle", () => {
    const harness = new ControllerHarness();
    const refusal = refusalOf(harness, harness.aClient(), { a: { on: ["a"] } });
    assert.equal(
      refusal,
      'GRAPH_CYCLE: tasks depend on each other in a circle: 0 -> 0 {"tasks":[0,0]}',
    );
  });

  test("a dependency that does not exist is named, with who needs it", () => {
    const harness = new ControllerHarness();
    const client = harness.aClient();
    client.numbers.set("ghost", 99);
    const refusal = refusalOf(harness, client, { a: {}, b: { on: ["a", "ghost"] } });
    assert.match(refusal, /^UNKNOWN_DEPENDENCY: task 1 depends on task 99, which does not exist/);
  });

  test("a dependency that was released does not exist any more", () => {
    const harness = new ControllerHarness();
    const client = harness.aClient();
    const worker = harness.aWorker();
    client.submits({ a: {} });
    worker.finishes("a");
    client.releases("a");
    assert.match(refusalOf(harness, client, { b: { on: ["a"] } }), /^UNKNOWN_DEPENDENCY: task 1 /);
  });

  test("a number that was used is not used again", () => {
    const harness = new ControllerHarness();
    const client = harness.aClient();
    client.submits({ a: {}, b: {} });
    client.next = 1;
    const refusal = refusalOf(harness, client, { c: {} });
    assert.equal(
      refusal,
      "INVALID_ARGUMENT: first: task number 1 was used before; expected at least 2",
    );
  });

  test("a gang is none of a graph: nobody would tell it to start", () => {
    const harness = new ControllerHarness();
    const refusal = refusalOf(harness, harness.aClient(), { a: { spec: { groupBy: "slice" } } });
    assert.equal(refusal, "INVALID_SPEC: groupBy: gangs are jobs; launch one with launchJob");
  });

  test("a spec that this client never defined is named", () => {
    const harness = new ControllerHarness();
    const client = harness.aClient();
    const message = { ...client.submission({ a: {} }), groupSpecs: Uint32Array.of(7) };
    assert.deepEqual(client.says(message), [
      "c1 < refused 1 INVALID_ARGUMENT: groupSpecs: spec 7 was not defined by this client",
    ]);
    assert.equal(harness.state.tasks.live, 0);
  });

  test("a key that is bound to other work is named", () => {
    const harness = new ControllerHarness();
    const client = harness.aClient();
    const bound = /^KEY_CONFLICT: key "k": it is bound to another function or value, /;
    client.submits({ x: {}, a: { key: "k", on: ["x"], args: "1" } });
    const sameOptions = { key: "k", on: ["x"] };
    assert.match(refusalOf(harness, client, { b: { ...sameOptions, args: "2" } }), bound);
    assert.match(refusalOf(harness, client, { c: { key: "k", args: "1" } }), bound);
    const spec = aSpec({ name: "g" });
    assert.match(refusalOf(harness, client, { d: { ...sameOptions, args: "1", spec } }), bound);
  });

  test("a key is given once in a submission", () => {
    const harness = new ControllerHarness();
    const drafts = { a: { key: "k" }, b: { key: "k", args: "a" } };
    const refusal = refusalOf(harness, harness.aClient(), drafts);
    assert.match(refusal, /^KEY_CONFLICT: key "k": it is given twice in one submission/);
  });

  test("the replay of a refused submission is not taken up", () => {
    const harness = new ControllerHarness();
    const client = harness.aClient();
    const message = client.submission({ a: { on: ["a"] } });
    client.says(message);
    assert.deepEqual(client.says(message), ["c1 < accepted 1"]);
    assert.equal(harness.state.tasks.live, 0);
    assert.deepEqual(client.wants("a"), ["c1 < FAILED NOT_FOUND a, to blame: "]);
  });
});

describe("a submission that is accepted", () => {
  test("waits for exactly the inputs that have no value", () => {
    const harness = new ControllerHarness();
    const client = harness.aClient();
    const worker = harness.aWorker({ slots: 4 });
    client.submits({ a: {}, b: {} });
    worker.finishes("a");
    assert.deepEqual(client.submits({ c: { on: ["a"] }, d: { on: ["a", "b", "b"] } }), [
      "c1 < accepted 2",
      "w1 < compute c with a here",
    ]);
    assert.equal(harness.stateOf("d"), "PENDING waiting");
    assert.deepEqual(worker.finishes("b"), [
      "w1 < compute d with a here, b inline, b inline",
      "c1 < results b",
    ]);
  });

  test("may refer forward inside itself", () => {
    const harness = new ControllerHarness();
    const client = harness.aClient();
    const worker = harness.aWorker({ slots: 2 });
    client.submits({ b: { on: ["a"] }, a: {} });
    assert.equal(harness.statesOf("a", "b"), "ASSIGNED, PENDING waiting");
    assert.deepEqual(worker.finishes("a"), ["w1 < compute b with a inline", "c1 < results a"]);
  });

  test("is taken up once, however often it arrives", () => {
    const harness = new ControllerHarness();
    const client = harness.aClient();
    const message = client.submission({ a: {}, b: { on: ["a"] } });
    client.says(message);
    const text = durableText(harness.state);
    assert.deepEqual(client.says(message), ["c1 < accepted 1"]);
    assert.equal(durableText(harness.state), text);
  });

  test("fails at once where it needs what has failed, with the root", () => {
    const harness = new ControllerHarness();
    const client = harness.aClient();
    const worker = harness.aWorker();
    client.submits({ a: {} });
    worker.fails("a");
    assert.deepEqual(client.submits({ b: { on: ["a"] }, c: { on: ["b"] } }), [
      "c1 < UPSTREAM_FAILED TASK_FAILED b, to blame: /ann/graph-1/0",
      "c1 < UPSTREAM_FAILED TASK_FAILED c, to blame: /ann/graph-1/0",
      "c1 < accepted 2",
    ]);
  });

  test("of no task at all is accepted", () => {
    const harness = new ControllerHarness();
    assert.deepEqual(harness.aClient().submits({}), ["c1 < accepted 1"]);
  });
});

describe("keys", () => {
  test("the same work under the same key is done once, for two handles", () => {
    const harness = new ControllerHarness();
    const client = harness.aClient();
    const worker = harness.aWorker({ slots: 2 });
    client.submits({ a: { key: "k", args: "1" } });
    client.submits({ b: { key: "k", args: "1" } });
    assert.equal(worker.orders, "a");
    assert.deepEqual(worker.finishes("a"), ["c1 < results a b"]);
    client.releases("a");
    assert.equal(harness.stateOf("b"), "SUCCEEDED");
    assert.deepEqual(client.releases("b"), ["w1 < forget a"]);
    assert.equal(harness.stateOf("b"), "forgotten");
  });

  test("a key that has its value already is answered at once", () => {
    const harness = new ControllerHarness();
    const client = harness.aClient();
    const worker = harness.aWorker();
    client.submits({ a: { key: "k", args: "1" } });
    worker.finishes("a");
    const other = harness.aClient();
    const lines = other.submits({ b: { key: "k", args: "1" } });
    assert.ok(lines.includes("c2 < located b at w1"), lines.join("\n"));
    assert.equal(worker.orders, "");
  });

  test("users do not share keys", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker({ slots: 2 });
    harness.aClient("ann").submits({ a: { key: "k", args: "1" } });
    harness.aClient("bob").submits({ b: { key: "k", args: "2" } });
    assert.equal(worker.orders, "a b");
  });

  test("a key is free again when its task is forgotten", () => {
    const harness = new ControllerHarness();
    const client = harness.aClient();
    const worker = harness.aWorker();
    client.submits({ a: { key: "k", args: "1" } });
    worker.finishes("a");
    client.releases("a");
    assert.deepEqual(client.submits({ b: { key: "k", args: "2" } }), [
      "c1 < accepted 2",
      "w1 < compute b",
    ]);
  });

  test("a key whose task is only remembered for its dependents is answered", () => {
    const harness = new ControllerHarness();
    const client = harness.aClient();
    const worker = harness.aWorker({ slots: 2 });
    client.submits({ a: { key: "k", args: "1" }, b: { on: ["a"] } });
    worker.finishes("a");
    client.releases("a");
    worker.finishes("b");
    assert.equal(harness.stateOf("a"), "SUCCEEDED", "its recipe is b's");
    client.submits({ again: { key: "k", args: "1" } });
    assert.equal(worker.orders, "a", "its value had gone");
    assert.deepEqual(worker.finishes("a"), ["c1 < results again"]);
  });

  test("a key whose failed task nobody holds any more is tried again", () => {
    const harness = new ControllerHarness();
    const client = harness.aClient();
    const worker = harness.aWorker({ slots: 2 });
    client.submits({ a: { key: "k", args: "1" }, b: { on: ["a"] } });
    worker.fails("a");
    client.releases("a");
    client.submits({ again: { key: "k", args: "1" } });
    assert.deepEqual(worker.finishes("a"), ["c1 < results again"]);
  });

  test("a key whose failed task somebody holds shows that failure", () => {
    const harness = new ControllerHarness();
    const client = harness.aClient();
    const worker = harness.aWorker();
    client.submits({ a: { key: "k", args: "1" } });
    worker.fails("a");
    const lines = client.submits({ again: { key: "k", args: "1" } });
    assert.ok(lines.includes("c1 < FAILED TASK_FAILED again, to blame: /ann/graph-1/0"));
    assert.equal(worker.orders, "");
  });

  test("a keyed graph that is submitted again is the same graph", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker({ slots: 2 });
    const drafts = (suffix: string): Drafts => ({
      [`x${suffix}`]: { key: "x", args: "x" },
      [`y${suffix}`]: { key: "y", args: "y", on: [`x${suffix}`] },
    });
    harness.aClient().submits(drafts("1"));
    assert.deepEqual(harness.aClient().submits(drafts("2")), ["c2 < accepted 1"]);
    assert.deepEqual(worker.finishes("x1"), [
      "w1 < compute y1 with x1 inline",
      "c1 < results x1",
      "c2 < results x2",
    ]);
  });
});

describe("what no present worker could run", () => {
  const custom = (counters: { [name: string]: number }) => ({
    spec: { resources: { ...defaultRequest, custom: counters } },
  });

  test("is accepted with a warning that names the nearest worker and what it lacks", () => {
    const harness = new ControllerHarness();
    const client = harness.aClient();
    harness.aWorker({ capacity: { memoryBytes: 5 } });
    harness.aWorker({ capacity: { custom: { gpu: 1000 } } });
    assert.deepEqual(client.submits({ a: custom({ gpuu: 1000 }) }), [
      "c1 < warning UNPLACEABLE: no present worker can ever run this; " +
        "the nearest is w1, where it lacks: gpuu 0 < 1",
      "c1 < accepted 1",
    ]);
    assert.deepEqual(client.submits({ b: custom({ gpuu: 1000 }) }), ["c1 < accepted 2"]);
  });

  test("starts when a worker joins that can", () => {
    const harness = new ControllerHarness();
    const client = harness.aClient();
    harness.aWorker();
    client.submits({ a: custom({ license: 1 }) });
    assert.equal(harness.stateOf("a"), "PENDING queued");
    const able = harness.aWorker({ capacity: { custom: { license: 1 } } });
    assert.equal(able.orders, "a");
  });

  test("is not warned of while no worker is there at all", () => {
    const harness = new ControllerHarness();
    assert.deepEqual(harness.aClient().submits({ a: custom({ license: 1 }) }), ["c1 < accepted 1"]);
  });
});
