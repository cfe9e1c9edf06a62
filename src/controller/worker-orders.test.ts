/**
 * Workers that take no work: cordoned, draining, unusable, tainted; and what moves off them.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ControllerHarness } from "../../test/support/controller-builders.ts";
import type { FakeWorker } from "../../test/support/fake-worker.ts";
import {
  assertAllFree,
  causesOf,
  chargesOf,
  clause,
  ordersOf,
  preferred,
  why,
} from "../../test/support/job-builders.ts";

function cordon(harness: ControllerHarness, { workerId }: FakeWorker, on = true): string[] {
  return harness.asks({ type: "cordon-worker", workerId, cordon: on });
}

function drain(harness: ControllerHarness, { workerId }: FakeWorker, deadlineMs = 0): string[] {
  return harness.asks({ type: "drain-worker", workerId, drain: true, deadlineMs });
}

function undrain(harness: ControllerHarness, { workerId }: FakeWorker): string[] {
  return harness.asks({ type: "drain-worker", workerId, drain: false, deadlineMs: 0 });
}

function stateOf(harness: ControllerHarness, { workerId }: FakeWorker): string {
  const { workers } = harness.call("ListWorkers") as {
    readonly workers: readonly { workerId: string; state: string; stateReason: string }[];
  };
  const found = workers.find((one) => one.workerId === workerId);
  return `${found?.state}: ${found?.stateReason}`;
}

describe("a cordoned worker", () => {
  test("gets no new work, goes on with what it has, and takes work again after", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker({ slots: 2 });
    harness.launch("a");
    worker.starts("a/0");
    cordon(harness, worker);
    harness.launch("b");
    harness.after(60_000);
    assert.equal(worker.orders, "a/0+");
    assert.match(stateOf(harness, worker), /^CORDONED/);
    worker.finishes("a/0");
    assert.equal(worker.orders, "");
    cordon(harness, worker, false);
    assert.equal(worker.orders, "b/0");
  });

  test("gives back what it had been sent ahead", () => {
    const harness = new ControllerHarness();
    const [w1, w2] = [harness.aWorker(), harness.aWorker()];
    cordon(harness, w2);
    const client = harness.aClient();
    client.submits({ a: {}, b: {} });
    assert.equal(w1.orders, "a (b)");
    const lines = cordon(harness, w1);
    assert.ok(lines.includes("w1 < retract b"));
    w1.reports({ kind: "handedBack", label: "b", reason: "retracted" });
    cordon(harness, w2, false);
    assert.equal(ordersOf(w1, w2), "w1: a, w2: b");
  });

  test("that does not exist is said so", () => {
    const harness = new ControllerHarness();
    const request = { type: "cordon-worker", workerId: "nobody", cordon: true } as const;
    assert.deepEqual(harness.asks(request), ["refused NOT_FOUND"]);
  });
});

describe("a worker that is drained", () => {
  test("without a deadline keeps what runs until that ends, and says when it is empty", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker({ slots: 2 });
    harness.launch("a");
    worker.starts("a/0");
    drain(harness, worker);
    harness.launch("b");
    harness.after(600_000);
    assert.equal(worker.orders, "a/0+");
    assert.equal(stateOf(harness, worker), "DRAINING: draining: 1 attempt has not ended");
    worker.finishes("a/0");
    assert.equal(worker.orders, "");
    assert.equal(stateOf(harness, worker), "DRAINING: drained");
  });

  test("has what still runs moved at its deadline, uncharged, when that has stopped", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    harness.launch("a", { maxRetriesPreemption: 0 });
    worker.starts("a/0");
    drain(harness, worker, 5_000);
    const other = harness.aWorker();
    harness.after(4_900);
    assert.equal(worker.orders, "a/0+");
    harness.after(200);
    assert.equal(ordersOf(worker, other), "w1: a/0-, w2: ");
    assert.equal(harness.usedBy(worker).cpu, 1000);
    harness.after(5_000);
    worker.obeys();
    assert.equal(ordersOf(worker, other), "w1: , w2: a/0");
    assert.equal(chargesOf(harness, "a"), "0/0");
    assert.deepEqual(causesOf(harness, "a/0"), ["drained", null]);
  });

  test("wakes nobody up once everything on it was told to stop", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    harness.launch("a");
    worker.starts("a/0");
    drain(harness, worker, 1_000);
    harness.after(1_100);
    assert.equal(worker.orders, "a/0-");
    const before = harness.facts.length;
    harness.after(2_000);
    assert.equal(harness.facts.length, before);
  });

  test("takes work again when that is over", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    drain(harness, worker, 1_000);
    harness.launch("a");
    harness.after(2_000);
    assert.equal(worker.orders, "");
    undrain(harness, worker);
    assert.equal(worker.orders, "a/0");
    harness.after(2_000);
    assert.equal(worker.orders, "a/0", "the old deadline is forgotten");
  });

  test("stays so when its process starts again", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    drain(harness, worker);
    worker.exits();
    worker.connects();
    harness.launch("a");
    assert.equal(worker.orders, "");
  });

  for (const from of ["facts", "snapshot"] as const) {
    test(`is so after a restart from ${from} as well, with its deadline`, () => {
      const harness = new ControllerHarness();
      const worker = harness.aWorker();
      harness.launch("a");
      worker.starts("a/0");
      drain(harness, worker, 20_000);
      harness.restarts(from);
      worker.connects();
      harness.launch("b");
      harness.after(19_000);
      assert.equal(worker.orders, "a/0+");
      harness.after(1_100);
      assert.equal(worker.orders, "a/0-");
      worker.obeys();
      assertAllFree(harness);
      assert.equal(chargesOf(harness, "a"), "0/0");
    });
  }
});

describe("a worker that is unusable by its own checks", () => {
  test("gets no new work, keeps what runs, and takes work again when it is well", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker({ slots: 2 });
    harness.launch("a");
    worker.starts("a/0");
    worker.feels("disk full: 99 % of /var");
    harness.launch("b");
    harness.after(30_000);
    assert.equal(worker.orders, "a/0+");
    assert.equal(stateOf(harness, worker), "UNUSABLE: disk full: 99 % of /var");
    assert.match(why(harness, "b/0").reasons[0].message, /disk full/);
    worker.feels("");
    assert.equal(worker.orders, "a/0+ b/0");
  });
});

describe("a taint", () => {
  test("keeps away what does not name it, and nothing else", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker({ slots: 2, attributes: { "taint:gpu": "true" } });
    harness.launch("plain");
    harness.launch("tolerant", { constraints: [clause("taint:gpu", "exists")] });
    assert.equal(worker.orders, "tolerant/0");
    assert.deepEqual(
      why(harness, "plain/0").reasons.map(({ code, dimension }) => [code, dimension]),
      [["TAINT", "taint:gpu"]],
    );
  });

  test("that is false is none", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker({ attributes: { "taint:gpu": "false" } });
    harness.launch("plain");
    assert.equal(worker.orders, "plain/0");
  });

  test("must be named for each of several", () => {
    const harness = new ControllerHarness();
    const attributes = { "taint:a": "true", "taint:b": "true" };
    const worker = harness.aWorker({ slots: 2, attributes });
    harness.launch("half", { constraints: [clause("taint:a", "exists")] });
    const both = [clause("taint:a", "exists"), clause("taint:b", "exists")];
    harness.launch("whole", { constraints: both });
    assert.equal(worker.orders, "whole/0");
  });
});

describe("a constraint", () => {
  const zoned = (harness: ControllerHarness) => [
    harness.aWorker({ slots: 1, attributes: { zone: "east" } }),
    harness.aWorker({ slots: 1, attributes: { zone: "west" } }),
    harness.aWorker({ slots: 1 }),
  ];

  test("that is required is a union over the values of `in`", () => {
    const harness = new ControllerHarness();
    const workers = zoned(harness);
    harness.launch("a", { replicas: 3, constraints: [clause("zone", "in", "east", "west")] });
    assert.equal(ordersOf(...workers), "w1: a/0, w2: a/1, w3: ");
  });

  test("on an attribute that is missing holds only for `!=` and `not-exists`", () => {
    const harness = new ControllerHarness();
    const workers = zoned(harness);
    const constraints = [clause("zone", "!=", "east"), clause("zone", "!=", "west")];
    harness.launch("a", { replicas: 2, constraints });
    assert.equal(ordersOf(...workers), "w1: , w2: , w3: a/0");
  });

  test("that is preferred ranks workers, and keeps none away", () => {
    const harness = new ControllerHarness();
    const workers = zoned(harness);
    harness.launch("a", { replicas: 3, constraints: [preferred("zone", "=", "west")] });
    assert.equal(workers[1].orders, "a/0");
    assert.equal(harness.statesOf("a/1", "a/2"), "ASSIGNED, ASSIGNED");
  });
});

describe("an attempt that does not start", () => {
  test("is moved after ten minutes, charged as a loss, after a pause", () => {
    const harness = new ControllerHarness({ checks: false });
    const worker = harness.aWorker();
    harness.launch("a");
    harness.after(599_000);
    assert.equal(worker.orders, "a/0");
    harness.after(1_500);
    assert.equal(worker.orders, "a/0-");
    harness.check();
    assert.equal(chargesOf(harness, "a"), "0/1");
    worker.obeys();
    assert.deepEqual(causesOf(harness, "a/0"), ["start-timeout"]);
    harness.after(1_500);
    assert.equal(worker.orders, "a/0");
  });

  test("is not moved for ever: its budget of losses ends it", () => {
    const harness = new ControllerHarness({ checks: false });
    const worker = harness.aWorker();
    harness.launch("a", { maxRetriesPreemption: 1 });
    for (let i = 0; i < 2; i++) {
      harness.after(601_000);
      worker.obeys();
    }
    harness.check();
    assert.equal(harness.stateOf("a/0"), "WORKER_FAILED");
    assertAllFree(harness);
  });

  test("because its worker refuses it is tried again once a second, uncharged", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    harness.launch("a");
    for (let i = 0; i < 5; i++) {
      worker.reports({ kind: "handedBack", label: "a/0", reason: "refused" });
      assert.equal(worker.orders, "");
      harness.after(900);
      assert.equal(worker.orders, "");
      harness.after(200);
      assert.equal(worker.orders, "a/0");
    }
    assert.equal(chargesOf(harness, "a"), "0/0");
  });
});
