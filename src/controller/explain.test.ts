/**
 * Why is it not running: every reason with its counts, who will move it, and what would start it.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ControllerHarness } from "../../test/support/controller-builders.ts";
import { parseConstraints } from "../model/parse-constraints.ts";
import { parseResources, type ResourceOptions } from "../model/parse-resources.ts";
import { explainTask } from "./explain.ts";
import type { Reason } from "./explain-reasons.ts";

const needs = (options: ResourceOptions) => ({
  spec: { resources: parseResources("resources", options) },
});

function explain(harness: ControllerHarness, label: string) {
  return explainTask(harness.state, harness.rowOf(label));
}

/** `INSUFFICIENT memory 2/3`: code, dimension, how many of how many workers. */
function shortOf({ code, dimension, workers, workersTotal }: Reason): string {
  return `${code} ${dimension} ${workers}/${workersTotal}`;
}

describe("the reasons of a queued task", () => {
  test("count the workers that each clause rules out, most first, with the best of them", () => {
    const harness = new ControllerHarness();
    const memory = (memoryBytes: number) => ({ capacity: { memoryBytes } });
    harness.aWorker(memory(1_000));
    harness.aWorker(memory(2_000));
    harness.aWorker({ attributes: { region: "east" }, ...memory(9_000) });
    harness.aClient().submits({
      a: {
        spec: {
          ...needs({ memory: 5_000 }).spec,
          constraints: parseConstraints("c", [{ key: "region", op: "=", values: ["west"] }]),
        },
      },
    });
    const { reasons, canRunNow, canEverRun } = explain(harness, "a");
    assert.deepEqual(reasons.map(shortOf), ["CONSTRAINT region 3/3", "INSUFFICIENT memory 2/3"]);
    const [, short] = reasons;
    assert.deepEqual([short.need, short.best, short.bestWorkerId], [5_000, 2_000, "w2"]);
    assert.deepEqual([canRunNow, canEverRun], [false, false]);
  });

  test("tell a device that is absent from one of another variant", () => {
    const harness = new ControllerHarness();
    const device = { kind: "gpu", variant: "a100" };
    harness.aWorker({ capacity: parseResources("capacity", { device }) });
    harness.aClient().submits({
      variant: needs({ device: { kind: "gpu", variant: "h100" } }),
      kind: needs({ device: { kind: "tpu" } }),
      fits: needs({ device: { kind: "gpu" } }),
    });
    const codes = (label: string) => explain(harness, label).reasons.map(({ code }) => code);
    assert.ok(codes("variant").includes("DEVICE_VARIANT"), "also while the other one is in use");
    assert.ok(codes("kind").includes("DEVICE_KIND"));
    assert.equal(harness.stateOf("fits"), "ASSIGNED");
  });

  test("name workers that are silent or gone from their connection", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    worker.disconnects();
    harness.aClient().submits({ a: {} });
    const { reasons, summary } = explain(harness, "a");
    assert.deepEqual(reasons.map(shortOf), ["WORKER_STATE state 1/1"]);
    assert.match(reasons[0].message, /worker is not connected/);
    assert.match(summary, /no worker is connected/);
  });

  test("are one when there is no worker at all", () => {
    const harness = new ControllerHarness();
    harness.aClient().submits({ a: {} });
    const { reasons, change } = explain(harness, "a");
    assert.deepEqual(
      reasons.map(({ message }) => message),
      ["no worker is registered"],
    );
    assert.equal(change?.kind, "ADD_WORKER");
  });
});

describe("the smallest change that would start it", () => {
  const changeOf = (options: ResourceOptions, constraints: object[] = []) => {
    const harness = new ControllerHarness();
    harness.aWorker({ capacity: { memoryBytes: 100 } });
    const spec = { ...needs(options).spec, constraints: parseConstraints("c", constraints) };
    harness.aClient().submits({ a: { spec } });
    return explain(harness, "a").change;
  };

  test("is a lower amount where one dimension is short", () => {
    const change = changeOf({ memory: 200 });
    assert.equal(change?.kind, "LOWER_REQUEST");
    assert.match(change.message, /memory/);
  });

  test("is a clause to drop where one constraint is not met", () => {
    const change = changeOf({}, [{ key: "region", op: "exists", values: [] }]);
    assert.equal(change?.kind, "DROP_CLAUSE");
    assert.match(change.message, /region exists/);
  });

  test("is another worker where more than one thing is missing", () => {
    assert.equal(changeOf({ memory: 200, cpu: 64 })?.kind, "ADD_WORKER");
  });

  test("is to wait where a worker could run it once it is free", () => {
    const harness = new ControllerHarness();
    harness.aWorker({ slots: 2, capacity: { custom: { r: 1000 } } });
    const r = needs({ custom: { r: 1 }, cpu: 0.5 });
    harness.aClient().submits({ holder: r, other: needs({ custom: { r: 1 } }) });
    const { change, holders, reasons } = explain(harness, "other");
    assert.equal(change?.kind, "WAIT_FOR_ATTEMPT");
    assert.deepEqual(reasons.map(shortOf), ["INSUFFICIENT custom:r 1/1"]);
    assert.deepEqual(
      holders.map(({ workerId, taskId, user }) => [workerId, taskId, user]),
      [["w1", "/ann/graph-1/0", "ann"]],
    );
  });
});

describe("the wakers of a task", () => {
  const wakersOf = (harness: ControllerHarness, label: string) =>
    explain(harness, label).wakers.map(({ kind, id }) => `${kind} ${id}`);

  test("are a chain: whom it waits for, and whom that waits for, to what runs", () => {
    const harness = new ControllerHarness();
    harness.aWorker();
    harness.aClient().submits({ a: {}, b: { on: ["a"] }, c: { on: ["b"] } });
    assert.deepEqual(wakersOf(harness, "c"), [
      "DEPENDENCY /ann/graph-1/1",
      "DEPENDENCY /ann/graph-1/0",
      "ATTEMPT w1",
    ]);
    assert.deepEqual(
      explain(harness, "c").reasons.map(({ code }) => code),
      ["DEPENDENCY"],
    );
  });

  test("are a time for one that sits out its back-off", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    const retryBackoff = { initialMs: 1_000, maxMs: 1_000 };
    harness.aClient().submits({ a: { spec: { maxRetriesFailure: 1, retryBackoff } } });
    worker.fails("a");
    assert.match(wakersOf(harness, "a").join(), /^TIMER \d{4}-\d\d-\d\dT[\d:.]+Z$/);
    assert.deepEqual(
      explain(harness, "a").reasons.map(({ code }) => code),
      ["BACKOFF"],
    );
  });

  test("are its earlier attempt while that stops", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    const client = harness.aClient();
    client.submits({ a: {} });
    worker.starts("a");
    worker.disconnects();
    client.cancels(["a"]);
    client.retries("a");
    assert.deepEqual(wakersOf(harness, "a"), ["ATTEMPT w1"]);
    const [{ code }] = explain(harness, "a").reasons;
    assert.equal(code, "PREDECESSOR_STOPPING");
  });

  test("are capacity for one that is queued", () => {
    const harness = new ControllerHarness();
    harness.aClient().submits({ a: {} });
    assert.deepEqual(wakersOf(harness, "a"), ["CAPACITY /ann/graph-1/0"]);
  });
});

test("who holds devices is named with their indices", () => {
  const harness = new ControllerHarness();
  const device = { kind: "gpu", variant: "h100", count: 2 };
  harness.aWorker({ slots: 4, capacity: parseResources("capacity", { cpu: 4, device }) });
  const gpu = needs({ device: { kind: "gpu", variant: "h100" } });
  harness.aClient().submits({ a: gpu, plain: needs({ memory: 0 }), b: gpu, c: gpu });
  const { holders } = explain(harness, "c");
  assert.deepEqual(
    holders.map(({ granted }) => granted.devices.map(({ indices }) => indices)),
    [[[0]], [[1]], []],
  );
});

describe("a long list", () => {
  test("of wakers, of holders and of those ahead ends after sixteen entries", () => {
    const harness = new ControllerHarness();
    const client = harness.aClient();
    harness.aWorker({ slots: 20 });
    const names = Array.from({ length: 20 }, (_, i) => `t${i}`);
    const chain = names.map((name, i) => [name, { on: i === 0 ? [] : [names[i - 1]] }] as const);
    client.submits(Object.fromEntries(chain));
    assert.equal(explain(harness, "t19").wakers.length, 16);
    client.submits(Object.fromEntries(names.map((name) => [`fill-${name}`, {}])));
    client.submits(Object.fromEntries(names.map((name) => [`more-${name}`, needs({ cpu: 2 })])));
    const { holders, ahead, aheadCount } = explain(harness, "more-t19");
    assert.deepEqual([holders.length, ahead.length, aheadCount], [16, 16, 19]);
  });

  test("of those ahead counts all, of other queues and of its own, and names as many", () => {
    const harness = new ControllerHarness();
    const client = harness.aClient();
    const names = Array.from({ length: 20 }, (_, i) => `t${i}`);
    const first = { spec: { priority: 1 } };
    client.submits({
      f1: first,
      f2: first,
      ...Object.fromEntries(names.map((name) => [name, {}])),
    });
    const { ahead, aheadCount } = explain(harness, "t19");
    assert.deepEqual([ahead.length, aheadCount], [16, 21]);
  });

  test("of inputs names the first that has no value", () => {
    const harness = new ControllerHarness();
    const client = harness.aClient();
    const worker = harness.aWorker();
    client.submits({ a: {}, b: {}, c: { on: ["a", "b"] } });
    worker.finishes("a");
    const [waker] = explain(harness, "c").wakers;
    assert.equal(waker.id, "/ann/graph-1/1");
  });
});

test("those ahead are counted as they stand in line", () => {
  const harness = new ControllerHarness();
  const client = harness.aClient();
  client.submits({ a: {}, b: {}, c: {}, d: {} });
  client.cancels(["b"]);
  const { aheadCount, ahead } = explain(harness, "d");
  assert.deepEqual([aheadCount, ahead], [2, ["/ann/graph-1/0", "/ann/graph-1/2"]]);
});

test("a task that was cancelled and retried stands in line once, where it was", () => {
  const harness = new ControllerHarness();
  const client = harness.aClient();
  client.submits({ a: {}, b: {}, c: {} });
  client.cancels(["b"]);
  client.retries("b");
  assert.equal(explain(harness, "c").aheadCount, 2);
  assert.deepEqual(explain(harness, "b").ahead, ["/ann/graph-1/0"]);
  client.submits({ d: {} });
  assert.equal(explain(harness, "d").aheadCount, 3);
});

test("a row that was used again is not ahead in the queue where it stood before", () => {
  const harness = new ControllerHarness();
  const client = harness.aClient();
  client.submits({ first: {}, a: {}, b: {} });
  const row = harness.rowOf("a");
  client.cancels(["a"]);
  client.releases("a");
  client.submits({ later: { spec: { priority: -1 } } });
  assert.equal(harness.rowOf("later"), row);
  const { aheadCount, ahead } = explain(harness, "b");
  assert.deepEqual([aheadCount, ahead], [1, ["/ann/graph-1/0"]]);
});

test("a deadline is shown while it bounds something", () => {
  const harness = new ControllerHarness();
  const client = harness.aClient();
  client.submits({ a: { spec: { schedulingTimeoutMs: 5_000 } }, b: {} });
  assert.match(explain(harness, "a").deadlineAt ?? "", /^1970-01-01T00:16:45\.\d{3}Z$/);
  assert.equal(explain(harness, "b").deadlineAt, null);
});

test("a task that failed is explained by its failure", () => {
  const harness = new ControllerHarness();
  const worker = harness.aWorker();
  harness.aClient().submits({ a: {} });
  worker.fails("a");
  const { summary, reasons, state } = explain(harness, "a");
  assert.equal(summary, "f: RangeError: out of range");
  assert.deepEqual([reasons, state], [[], "FAILED"]);
});
