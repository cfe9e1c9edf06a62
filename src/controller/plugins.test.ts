/**
 * Where a plugin fails to set up, what needs it is not placed again.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ControllerHarness } from "../../test/support/controller-builders.ts";
import { hash, plugged, setupFailed } from "../../test/support/plugged.ts";
import { setupFailuresMax } from "./limits.ts";

describe("a plugin that fails to set up", () => {
  test("sends its task elsewhere, uncharged, and no further one there", () => {
    const harness = new ControllerHarness();
    const one = harness.aWorker();
    const client = harness.aClient();
    client.submits({ a: { spec: plugged() }, plain: {} });
    const other = harness.aWorker();
    one.fails("a", setupFailed);
    assert.equal(harness.state.tasks.failureCount[harness.rowOf("a")], 0);
    assert.match(other.orders, /a/);
    client.submits({ b: { spec: plugged() }, c: { spec: plugged() } });
    assert.doesNotMatch(one.orders, /[abc]/, "what needs no plugin goes on there");
  });

  test("sends a task elsewhere also that may begin only once: it has not begun", () => {
    const harness = new ControllerHarness();
    const one = harness.aWorker();
    harness.aClient().submits({ a: { spec: { ...plugged(), exclusive: true } } });
    const other = harness.aWorker();
    one.fails("a", setupFailed);
    assert.equal(other.orders, "a");
  });

  test("is told once, however many tasks find it", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker({ slots: 2 });
    harness.aClient().submits({ a: { spec: plugged() }, b: { spec: plugged() } });
    worker.fails("a", setupFailed);
    worker.fails("b", setupFailed);
    const told = harness.facts.filter(({ type }) => type === "worker-setup-failed");
    assert.equal(told.length, 1);
  });

  test("everywhere leaves its task waiting, with the reason, until a worker starts again", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    harness.aClient().submits({ a: { spec: plugged() } });
    worker.fails("a", setupFailed);
    assert.equal(harness.stateOf("a"), "PENDING queued");
    const { summary, reasons } = harness.call("Explain", { id: "/ann/graph-1/0" }) as {
      summary: string;
      reasons: { code: string; message: string }[];
    };
    const why = "a plugin could not be set up: PluginError: licence: none left";
    assert.equal(summary, `f cannot start: no present worker could ever run it: ${why}`);
    assert.equal(reasons[0].message, `1 of 1 workers: ${why}`);
    worker.exits();
    worker.restarts();
    assert.equal(harness.stateOf("a"), "ASSIGNED");
  });

  test("is remembered by a controller that starts again", () => {
    for (const from of ["facts", "snapshot"] as const) {
      const harness = new ControllerHarness();
      const worker = harness.aWorker();
      const client = harness.aClient();
      client.submits({ a: { spec: plugged() } });
      worker.fails("a", setupFailed);
      harness.restarts(from);
      worker.connects();
      assert.equal(harness.stateOf("a"), "PENDING queued");
    }
  });

  test("is forgotten of a worker that has failed too many since", () => {
    const harness = new ControllerHarness({ checks: false });
    const worker = harness.aWorker();
    const client = harness.aClient();
    for (let i = 0; i <= setupFailuresMax; i++) {
      const key = i.toString(16).padStart(64, "0");
      const spec = JSON.parse(JSON.stringify(plugged()).replaceAll(hash("a"), key));
      client.submits({ [`t${i}`]: { spec } });
      worker.fails(`t${i}`, setupFailed);
    }
    const names = Object.keys(harness.state.workers[0].attributes);
    const failed = names.filter((name) => name.startsWith("setup-failed:"));
    assert.equal(failed.length, setupFailuresMax);
    const numbers = failed.map((name) => Number.parseInt(name.slice(-64), 16));
    assert.deepEqual([numbers[0], numbers.at(-1)], [1, setupFailuresMax], "the oldest has gone");
    assert.ok(names.includes("worker-id"), "nothing else has");
  });

  test("has a reason of bounded length, and none for what needs no plugin", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    const client = harness.aClient();
    client.submits({ a: { spec: plugged() }, b: {} });
    const error = { ...setupFailed.failure.error, message: "x".repeat(900) };
    worker.fails("a", { ...setupFailed, failure: { ...setupFailed.failure, error } });
    const { attributes } = harness.state.workers[0];
    const [reason] = Object.entries(attributes).filter(([name]) => name.startsWith("setup-"));
    assert.equal(reason[1], `PluginError: ${"x".repeat(487)}`);
    worker.fails("b", setupFailed);
    assert.deepEqual(Object.keys(harness.state.workers[0].attributes), Object.keys(attributes));
  });
});
