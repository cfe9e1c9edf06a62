/**
 * Who runs where: what a task needs decides, a misfit blocks nobody, and work sent ahead of need
 * holds nothing and comes back when somebody idles.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ControllerHarness } from "../../test/support/controller-builders.ts";
import type { TaskDraft } from "../../test/support/fake-client.ts";
import {
  abandoned,
  finished,
  handedBack,
  have,
  retractRefused,
  started,
} from "../../test/support/fake-worker.ts";
import { ordersOf } from "../../test/support/job-builders.ts";
import { parseConstraints } from "../model/parse-constraints.ts";
import { parseResources, type ResourceOptions } from "../model/parse-resources.ts";
import type { TaskSpec } from "../model/spec.ts";

const needs = (options: ResourceOptions, more: Partial<TaskSpec> = {}): TaskDraft => ({
  spec: { resources: parseResources("resources", options), ...more },
});

const onW2 = { key: "worker-id", op: "=", values: ["w2"] };

const capacity = (options: ResourceOptions) => parseResources("capacity", options);

describe("what a task needs", () => {
  test("is never more than is free, whatever the slots", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker({ slots: 8, capacity: capacity({ cpu: 8, custom: { r: 2 } }) });
    const drafts: { [label: string]: TaskDraft } = {};
    for (let i = 0; i < 10; i++) drafts[`t${i}`] = needs({ custom: { r: 1 } });
    harness.aClient().submits(drafts);
    for (let i = 0; i < 10; i++) {
      const granted = [...worker.attempts.values()].filter((one) => one.granted);
      assert.equal(granted.length, Math.min(2, 10 - i));
      worker.finishes(`t${i}`);
    }
    assert.deepEqual(harness.usedBy(worker), {});
  });

  test("is counted exactly: three times 0.1 is 0.3", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker({ slots: 8, capacity: capacity({ custom: { r: 0.3 } }) });
    const r = needs({ cpu: 0, custom: { r: 0.1 } });
    harness.aClient().submits({ a: r, b: r, c: r, d: r });
    assert.equal(worker.orders, "a b c (d)");
    assert.deepEqual(harness.usedBy(worker), { slots: 3, "custom:r": 300 });
  });

  test("one of memory, disk or counters that is short keeps it waiting", () => {
    const harness = new ControllerHarness();
    const offered = { cpu: 4, memory: "4g", disk: "4g", custom: { r: 1 } };
    const worker = harness.aWorker({ slots: 4, capacity: capacity(offered) });
    harness.aClient().submits({
      memory: needs({ memory: "5g" }),
      disk: needs({ disk: "5g" }),
      counter: needs({ custom: { r: 2 } }),
      fits: needs({ memory: "4g", disk: "4g", custom: { r: 1 } }),
    });
    assert.equal(worker.orders, "fits");
  });

  test("takes a slot, also without any CPU", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker({ slots: 2, capacity: capacity({ cpu: 8 }) });
    const free = needs({ cpu: 0 });
    harness.aClient().submits({ a: free, b: free, c: free });
    assert.equal(worker.orders, "a b (c)");
  });

  test("of a device variant is met by that variant, in whatever case it was written", () => {
    const harness = new ControllerHarness();
    const one = (variant: string) => capacity({ device: { kind: "GPU", variant, count: 1 } });
    const a100 = harness.aWorker({ capacity: one("A100") });
    const h100 = harness.aWorker({ capacity: one("H100") });
    harness.aClient().submits({ a: needs({ device: { kind: "gpu", variant: "h100" } }) });
    assert.deepEqual([a100.orders, h100.orders], ["", "a"]);
  });

  test("of any variant takes what the worker has, and no device twice", () => {
    const harness = new ControllerHarness();
    const devices = [
      { kind: "gpu", variant: "a100", count: 1 },
      { kind: "gpu", variant: "h100", count: 1 },
    ];
    const worker = harness.aWorker({ slots: 4, capacity: capacity({ cpu: 4, devices }) });
    const gpu = needs({ device: { kind: "gpu" } });
    harness.aClient().submits({ a: gpu, b: gpu, c: gpu });
    assert.equal(worker.orders, "a b");
    const used = { cpu: 2000, slots: 2, "device:gpu:a100": 1000, "device:gpu:h100": 1000 };
    assert.deepEqual(harness.usedBy(worker), used);
    worker.finishes("a");
    assert.equal(worker.orders, "b c");
    assert.deepEqual(harness.usedBy(worker), used);
  });

  test("of a fraction of a device shares it", () => {
    const harness = new ControllerHarness();
    const device = { kind: "gpu", variant: "a100", count: 1 };
    const worker = harness.aWorker({ slots: 4, capacity: capacity({ cpu: 4, device }) });
    const third = needs({ device: { kind: "gpu", count: 0.4 } });
    harness.aClient().submits({ a: third, b: third, c: third });
    assert.equal(worker.orders, "a b");
  });

  test("of two kinds of device is not met by one of them", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker({ capacity: capacity({ device: { kind: "gpu" } }) });
    harness.aClient().submits({ a: needs({ device: { kind: "tpu" } }) });
    assert.equal(worker.orders, "");
  });
});

describe("order", () => {
  test("a misfit at the head blocks nothing behind it", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker({ slots: 2, capacity: capacity({ custom: { a: 1, b: 1 } }) });
    const a = needs({ cpu: 0, custom: { a: 1 } });
    const b = needs({ cpu: 0, custom: { b: 1 } });
    harness.aClient().submits({ a1: a, a2: a, a3: a, b1: b });
    assert.match(worker.orders, /^a1 \(a2\) b1$|^a1 b1/);
    assert.equal(worker.attemptOf("b1").granted, true);
  });

  test("is by band, then by priority, then by submission", () => {
    const harness = new ControllerHarness();
    const client = harness.aClient();
    client.submits({
      batch: { spec: { band: "batch", priority: 9 } },
      first: {},
      urgent: { spec: { priority: 1 } },
      second: {},
      production: { spec: { band: "production" } },
    });
    const worker = harness.aWorker({ slots: 5 });
    assert.equal(worker.orders, "production urgent first second batch");
  });

  test("puts what its inputs have just woken before what never waited", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    const slow = 2_000_000;
    harness.aClient().submits({ a: {}, b: {}, c: {}, after: { on: ["a"] } });
    worker.reports(finished("a", { durationUs: slow }));
    worker.reports(finished("b", { durationUs: slow }));
    assert.equal(worker.orders, "after", "and c comes after it");
  });

  test("gives one resource to its tasks by priority, whoever waited longer", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker({ slots: 4, capacity: capacity({ cpu: 4, custom: { r: 1 } }) });
    const r = { custom: { r: 1 } };
    const client = harness.aClient();
    client.submits({ holder: needs(r, { priority: 5 }) });
    client.submits({ low: needs(r), high: needs(r, { priority: 1 }), plain: {} });
    assert.equal(worker.orders, "holder plain");
    worker.finishes("holder");
    assert.equal(worker.orders, "plain high");
  });
});

describe("constraints", () => {
  const needing = (text: object[]): TaskDraft => ({
    spec: { constraints: parseConstraints("constraints", text) },
  });

  test("keep a task from workers that do not satisfy them, until one joins that does", () => {
    const harness = new ControllerHarness();
    const west = harness.aWorker({ attributes: { region: "west" } });
    const east = { key: "region", op: "=", values: ["east"] };
    harness.aClient().submits({ a: needing([east]) });
    assert.equal(west.orders, "");
    assert.equal(harness.aWorker({ attributes: { region: "east" } }).orders, "a");
  });

  test("that are preferred only choose between workers that have room", () => {
    const harness = new ControllerHarness();
    harness.aWorker({ slots: 4, attributes: { disk: "slow" } });
    const fast = harness.aWorker({ slots: 1, attributes: { disk: "fast" } });
    const preferred = { key: "disk", op: "=", values: ["fast"], mode: "PREFERRED" };
    harness.aClient().submits({ a: needing([preferred]), b: needing([preferred]) });
    assert.equal(fast.orders, "a");
    assert.equal(harness.stateOf("b"), "ASSIGNED");
  });

  test("may name a worker", () => {
    const harness = new ControllerHarness();
    const [w1, w2] = [harness.aWorker({ slots: 4 }), harness.aWorker()];
    harness.aClient().submits({ a: needing([{ key: "worker-id", op: "=", values: ["w2"] }]) });
    assert.deepEqual([w1.orders, w2.orders], ["", "a"]);
  });
});

describe("locality", () => {
  test("a task goes where most bytes of its inputs are", () => {
    const harness = new ControllerHarness();
    const [w1, w2] = [harness.aWorker(), harness.aWorker({ slots: 4 })];
    const client = harness.aClient();
    client.submits({ a: { spec: { priority: 1 } } });
    assert.equal(w2.orders, "", "the first of two empty workers");
    w1.reports(finished("a", { value: null }));
    assert.ok(client.submits({ b: { on: ["a"] } }).includes("w1 < compute b with a here"));
  });

  test("a task goes to who has more of its inputs than the others have", () => {
    const harness = new ControllerHarness();
    const client = harness.aClient();
    const workers = [1, 2, 3].map(() => harness.aWorker({ slots: 2 }));
    const holders = { a: "w1", b: "w2", c: "w2", d: "w3" };
    const on = (workerId: string) => [{ key: "worker-id", op: "=", values: [workerId] }];
    const drafts = Object.entries(holders).map(
      ([label, id]) => [label, { spec: { constraints: parseConstraints("c", on(id)) } }] as const,
    );
    client.submits(Object.fromEntries(drafts));
    for (const [label, id] of Object.entries(holders)) {
      const holder = workers.find(({ workerId }) => workerId === id);
      holder?.reports(finished(label, { value: null }));
    }
    client.submits({ y: { on: ["a", "b", "c", "d"] } });
    assert.deepEqual(
      workers.map(({ orders }) => orders),
      ["", "y", ""],
    );
  });

  test("a task goes elsewhere when those who have its inputs are full, and is told of them", () => {
    const harness = new ControllerHarness();
    const [w1, w2] = [harness.aWorker(), harness.aWorker()];
    const client = harness.aClient();
    client.submits({ a: {} });
    w1.reports(finished("a", { value: null }));
    client.submits({ busy: {} });
    const full = [w1, w2].find((one) => one.orders === "busy");
    assert.ok(full !== undefined);
    client.submits({ b: { on: ["a"] } });
    const expected = full === w1 ? "w2 < compute b with a from w1" : "w1 < compute b with a here";
    const other = full === w1 ? w2 : w1;
    assert.equal(other.orders, "b", expected);
  });
});

describe("work sent ahead of need", () => {
  test("holds no grant, and takes over that of an attempt of its shape", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    harness.aClient().submits({ a: {}, b: {} });
    assert.equal(worker.orders, "a (b)");
    assert.deepEqual(harness.usedBy(worker), { cpu: 1000, slots: 1 });
    worker.reports(finished("a", { successor: "b" }), started("b"));
    assert.equal(harness.stateOf("b"), "RUNNING");
  });

  test("is granted when the end of its predecessor named no successor", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    harness.aClient().submits({ a: {}, b: {} });
    assert.deepEqual(worker.finishes("a"), ["w1 < grant b", "c1 < results a"]);
  });

  test("is granted once, also in a row that was used before", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker({ slots: 3 });
    const client = harness.aClient();
    client.submits({ a: {}, b: {}, c: {}, p: {}, q: {} });
    client.cancels(["q"]);
    worker.reports(abandoned("q"));
    client.submits({ s: {}, t: {} });
    assert.equal(worker.orders, "a b c (p) (s) (t)");
    worker.finishes("a", "b", "c");
    assert.equal(worker.orders, "p s t");
    assert.deepEqual(harness.usedBy(worker), { cpu: 3000, slots: 3 });
  });

  test("of a shape with devices is never sent", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker({ capacity: capacity({ device: { kind: "gpu" } }) });
    const gpu = needs({ device: { kind: "gpu" } });
    harness.aClient().submits({ a: gpu, b: gpu });
    assert.equal(worker.orders, "a");
  });

  test("of a shape whose attempts are long is never sent", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    const client = harness.aClient();
    client.submits({ a: {} });
    worker.reports(finished("a", { durationUs: 60_000_000 }));
    client.submits({ b: {}, c: {} });
    assert.equal(worker.orders, "b");
  });

  test("is taken back when another worker idles, and runs there", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    harness.aClient().submits({ a: {}, b: {}, c: {} });
    const idle = harness.aWorker();
    assert.equal(idle.orders, "c");
    idle.reports(finished("c", { durationUs: 10_000 }));
    assert.deepEqual(worker.reports(handedBack("b", { reason: "retracted" })), [
      "w2 < compute b",
      "w1 < forget b",
    ]);
    assert.equal(harness.state.tasks.failureCount[harness.rowOf("b")], 0);
  });

  test("is taken back in its younger half, and once until that is answered", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker({ slots: 4 });
    const labels = ["a", "b", "c", "d", "e", "f", "g", "h"];
    harness.aClient().submits(Object.fromEntries(labels.map((label) => [label, {}])));
    assert.equal(worker.orders, "a b c d (e) (f) (g) (h)");
    const retracts = (lines: readonly string[]) => lines.filter((line) => line.includes("retract"));
    const idle = harness.aWorker();
    const recalled = [...worker.attempts.values()].filter((one) => one.recalled);
    assert.deepEqual(
      recalled.map(({ label }) => label),
      ["g", "h"],
    );
    const other = harness.aWorker();
    assert.equal([...worker.attempts.values()].filter((one) => one.recalled).length, 2);
    worker.reports(handedBack("g", { reason: "retracted" }), retractRefused("h"));
    assert.deepEqual([idle, other].map(({ orders }) => orders).sort(), ["", "g"]);
    assert.deepEqual(retracts(worker.heartbeats()), []);
  });

  test("is not taken back where it is not worth the way", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    const client = harness.aClient();
    client.submits({ first: {} });
    worker.reports(finished("first", { durationUs: 100 }));
    client.submits({ a: {}, b: {}, c: {} });
    assert.equal(worker.orders, "a (b) (c)");
    harness.aWorker();
    assert.ok(
      [...worker.attempts.values()].every((one) => !one.recalled),
      "300 us are not",
    );
    worker.starts("a");
    assert.ok(
      [...worker.attempts.values()].some((one) => one.recalled),
      "a may run for ever",
    );
  });

  test("all goes to the one worker that asks for it", () => {
    const harness = new ControllerHarness();
    const client = harness.aClient();
    const worker = harness.aWorker({ slots: 2 });
    const busy = harness.aWorker();
    client.submits({ x: needs({ memory: "1k" }, { constraints: parseConstraints("c", [onW2]) }) });
    assert.equal(busy.orders, "x");
    client.submits({ a: {}, b: {}, c: {}, d: {} });
    assert.equal(worker.orders, "a b (c) (d)");
  });

  test("is spread over the workers that ask", () => {
    const harness = new ControllerHarness();
    const workers = [harness.aWorker(), harness.aWorker()];
    harness.aClient().submits({ a: {}, b: {}, c: {}, d: {} });
    assert.deepEqual(
      workers.map((worker) => worker.orders),
      ["a (c)", "b (d)"],
    );
  });
});

test("four tasks of one resource on two workers that have it once each run two by two", () => {
  const harness = new ControllerHarness();
  const offered = { slots: 4, capacity: capacity({ cpu: 4, custom: { r: 1 } }) };
  const [w1, w2] = [harness.aWorker(offered), harness.aWorker(offered)];
  const r = needs({ custom: { r: 1 } });
  harness.aClient().submits({ a: r, b: r, c: r, d: r });
  const granted = [w1, w2].map((one) => [...one.attempts.values()].filter((at) => at.granted));
  assert.deepEqual(
    granted.map((list) => list.length),
    [1, 1],
  );
});

test("of two workers that have as much of its input a task goes to the first", () => {
  const harness = new ControllerHarness();
  const first = harness.aWorker();
  const client = harness.aClient();
  const cordons = (cordon: boolean) =>
    harness.asks({ type: "cordon-worker", workerId: first.workerId, cordon });
  cordons(true);
  const second = harness.aWorker();
  client.submits({ a: {} });
  second.reports(finished("a", { value: null }));
  first.reports(have("a"));
  cordons(false);
  client.submits({ b: { on: ["a"] } });
  assert.equal(ordersOf(first, second), "w1: b, w2: ");
});
