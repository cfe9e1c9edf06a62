/**
 * How tasks fail: the root is blamed, dependents follow in one settling, and depth costs no stack.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ControllerHarness } from "../../test/support/controller-builders.ts";
import type { TaskDraft } from "../../test/support/fake-client.ts";
import { someFailure } from "../../test/support/fake-worker.ts";
import { checkInvariants } from "./invariants.ts";

describe("an error", () => {
  test("reaches every dependent with its root, and none of them ever runs", () => {
    const harness = new ControllerHarness();
    const client = harness.aClient();
    const worker = harness.aWorker();
    client.submits({ a: {}, b: { on: ["a"] }, c: { on: ["b"] } });
    assert.deepEqual(worker.fails("a"), [
      "c1 < FAILED TASK_FAILED a, to blame: /ann/graph-1/0",
      "c1 < UPSTREAM_FAILED TASK_FAILED b, to blame: /ann/graph-1/0",
      "c1 < UPSTREAM_FAILED TASK_FAILED c, to blame: /ann/graph-1/0",
      "w1 < forget a",
    ]);
    assert.equal(worker.orders, "");
  });

  test("carries what its worker told, and where", () => {
    const harness = new ControllerHarness();
    const client = harness.aClient();
    const worker = harness.aWorker();
    client.submits({ a: { spec: { name: "simulate" } } });
    worker.fails("a");
    assert.deepEqual(harness.state.failures.get(harness.rowOf("a")), {
      code: "TASK_FAILED",
      message: "simulate: RangeError: out of range",
      blame: "/ann/graph-1/0",
      workerId: "w1",
      attempts: 1,
      failure: someFailure,
    });
  });

  test("fails dependents in whatever line they stand, in one settling", () => {
    const harness = new ControllerHarness();
    const client = harness.aClient();
    const worker = harness.aWorker();
    const drafts: { [label: string]: TaskDraft } = { root: {}, ready: {} };
    for (let i = 0; i < 1_000; i++)
      drafts[`d${i}`] = { on: i % 2 === 0 ? ["root"] : ["ready", "root"] };
    client.submits(drafts);
    const lines = worker.fails("root");
    const failed = lines.filter((line) => line.includes("UPSTREAM_FAILED"));
    assert.equal(failed.length, 1_000);
    assert.equal(harness.facts.filter((fact) => fact.type === "tasks-failed").length, 1);
    assert.equal(worker.orders, "ready");
  });

  test("leaves alone what already runs: it has its inputs", () => {
    const harness = new ControllerHarness();
    const client = harness.aClient();
    const [w1, w2] = [harness.aWorker(), harness.aWorker()];
    client.submits({ a: {} });
    w1.finishes("a");
    client.submits({ b: { on: ["a"] }, c: {} });
    w1.starts("b");
    w1.disconnects();
    w1.exits();
    assert.equal(harness.statesOf("a", "b"), "ASSIGNED, PENDING waiting");
    w2.fails("a");
    assert.equal(harness.statesOf("a", "b", "c"), "FAILED, UPSTREAM_FAILED, ASSIGNED");
  });

  test("of two roots blames the one that came first", () => {
    const harness = new ControllerHarness();
    const client = harness.aClient();
    const worker = harness.aWorker({ slots: 2 });
    client.submits({ a: {}, b: {}, c: { on: ["a", "b"] } });
    worker.fails("b");
    worker.fails("a");
    assert.equal(harness.state.failures.get(harness.rowOf("c"))?.blame, "/ann/graph-1/1");
  });
});

describe("retries", () => {
  for (const { retries, failures, end } of [
    { retries: 2, failures: 2, end: "SUCCEEDED" },
    { retries: 2, failures: 3, end: "FAILED" },
    { retries: 0, failures: 1, end: "FAILED" },
  ]) {
    test(`${failures} failures with ${retries} retries end ${end}`, () => {
      const harness = new ControllerHarness();
      const client = harness.aClient();
      const worker = harness.aWorker();
      client.submits({ a: { spec: { maxRetriesFailure: retries } } });
      for (let i = 0; i < failures; i++) {
        worker.starts("a");
        worker.fails("a");
      }
      if (end === "SUCCEEDED") worker.finishes("a");
      assert.equal(harness.stateOf("a"), end);
      assert.equal(worker.orders, "");
      const { attempts } = harness.state.failures.get(harness.rowOf("a")) ?? { attempts: 0 };
      assert.equal(attempts, end === "FAILED" ? retries + 1 : 0);
    });
  }

  test("of a dependent are not those of its input", () => {
    const harness = new ControllerHarness();
    const client = harness.aClient();
    const worker = harness.aWorker();
    client.submits({ a: {}, b: { on: ["a"], spec: { maxRetriesFailure: 5 } } });
    worker.fails("a");
    assert.equal(harness.statesOf("a", "b"), "FAILED, UPSTREAM_FAILED");
  });

  test("wait twice as long each time, up to the most that was asked for", () => {
    const harness = new ControllerHarness();
    const client = harness.aClient();
    const worker = harness.aWorker();
    const retryBackoff = { initialMs: 100, maxMs: 300 };
    client.submits({ a: { spec: { maxRetriesFailure: 4, retryBackoff } } });
    for (const delayMs of [100, 200, 300, 300]) {
      worker.fails("a");
      assert.equal(harness.stateOf("a"), "PENDING delayed");
      harness.after(delayMs - 1);
      assert.equal(harness.stateOf("a"), "PENDING delayed", `before ${delayMs} ms`);
      harness.after(1);
      assert.equal(harness.stateOf("a"), "ASSIGNED", `after ${delayMs} ms`);
    }
  });

  test("that wait keep no capacity", () => {
    const harness = new ControllerHarness();
    const client = harness.aClient();
    const worker = harness.aWorker();
    const retryBackoff = { initialMs: 100, maxMs: 100 };
    client.submits({ a: { spec: { maxRetriesFailure: 1, retryBackoff } }, b: {} });
    assert.deepEqual(worker.fails("a"), ["w1 < grant b", "w1 < forget a"]);
  });

  for (const cause of ["timeout", "module-unloadable"] as const) {
    test(`are not spent on ${cause}: it fails at once`, () => {
      const harness = new ControllerHarness();
      const worker = harness.aWorker();
      harness.aClient().submits({ a: { spec: { maxRetriesFailure: 5, timeoutMs: 1000 } } });
      worker.starts("a");
      worker.fails("a", { cause });
      assert.equal(harness.stateOf("a"), "FAILED");
      const { code } = harness.state.failures.get(harness.rowOf("a")) ?? { code: "" };
      assert.equal(code, cause === "timeout" ? "TASK_TIMED_OUT" : "TASK_MODULE_UNLOADABLE");
    });
  }

  for (const [cause, code] of [
    ["oom", "TASK_OUT_OF_MEMORY"],
    ["exited", "TASK_EXITED"],
  ] as const) {
    test(`are spent on ${cause}, which has a code of its own`, () => {
      const harness = new ControllerHarness();
      const worker = harness.aWorker();
      harness.aClient().submits({ a: { spec: { maxRetriesFailure: 1 } } });
      worker.fails("a", { cause });
      assert.equal(harness.stateOf("a"), "ASSIGNED");
      worker.fails("a", { cause });
      assert.equal(harness.state.failures.get(harness.rowOf("a"))?.code, code);
    });
  }
});

describe("a chain of 100,000 tasks", () => {
  const length = 100_000;
  const kernelMsMax = 5_000;

  function aChain() {
    const harness = new ControllerHarness({ checks: false });
    const client = harness.aClient();
    const worker = harness.aWorker();
    const drafts: { [label: string]: TaskDraft } = {};
    for (let i = 0; i < length; i++) drafts[`t${i}`] = i === 0 ? {} : { on: [`t${i - 1}`] };
    client.submits(drafts);
    return { harness, client, worker };
  }

  test("is submitted, fails at its root and is released, without recursion", () => {
    const { harness, client, worker } = aChain();
    assert.equal(harness.state.tasks.live, length);
    const lines = worker.fails("t0");
    assert.equal(lines.filter((line) => line.includes("to blame: /ann/graph-1/0")).length, length);
    checkInvariants(harness.state);
    client.releases(...client.numbers.keys());
    assert.equal(harness.state.tasks.live, 0);
    harness.check();
    assert.ok(harness.kernelMs < kernelMsMax, `${Math.round(harness.kernelMs)} ms`);
  });

  test("whose handles are gone but the last one's is forgotten when that goes", () => {
    const { harness, client, worker } = aChain();
    const last = `t${length - 1}`;
    client.releases(...[...client.numbers.keys()].slice(0, -1));
    assert.equal(harness.state.tasks.live, length);
    client.cancels([last]);
    assert.equal(harness.stateOf(last), "KILLED");
    client.releases(last);
    assert.equal(harness.stateOf(last), "forgotten");
    assert.equal(worker.orders, "t0");
    harness.check();
    assert.ok(harness.kernelMs < kernelMsMax, `${Math.round(harness.kernelMs)} ms`);
  });
});
