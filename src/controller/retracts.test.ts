/**
 * Who waits on a worker for an input that must be computed first goes back to its queue: else it
 * holds the room that its input needs.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ControllerHarness } from "../../test/support/controller-builders.ts";
import { finished, handedBack } from "../../test/support/fake-worker.ts";

/** `y` was sent to w2, and its large input `x` lies on w1. */
function aReaderElsewhere() {
  const harness = new ControllerHarness();
  const client = harness.aClient();
  const w1 = harness.aWorker();
  client.submits({ x: {} });
  w1.reports(finished("x", { value: null }));
  const w2 = harness.aWorker();
  const constraint = { key: "worker-id", op: "=", values: ["w2"], mode: "REQUIRED" } as const;
  client.submits({ y: { on: ["x"], spec: { constraints: [constraint] } } });
  assert.equal(w2.orders, "y");
  return { harness, w1, w2 };
}

describe("when an input is lost, its reader", () => {
  test("is taken back, waits for it, and runs after it", () => {
    const { harness, w1, w2 } = aReaderElsewhere();
    const lines = w1.exits();
    assert.ok(lines.includes("w2 < retract y"), lines.join("\n"));
    w2.reports(handedBack("y", { reason: "retracted" }));
    assert.equal(harness.stateOf("y"), "PENDING waiting");
    w2.finishes("x");
    assert.equal(w2.orders, "y");
  });

  test("is left alone once it has started", () => {
    const { w1, w2 } = aReaderElsewhere();
    w2.starts("y");
    assert.ok(!w1.exits().includes("w2 < retract y"));
  });

  test("is taken back when its worker is in contact again", () => {
    const { w1, w2 } = aReaderElsewhere();
    w2.disconnects();
    assert.ok(!w1.exits().includes("w2 < retract y"), "nobody would hear it");
    const lines = w2.connects();
    assert.ok(lines.includes("w2 < retract y"), lines.join("\n"));
  });

  test("is taken back again when the order to hand it back was lost", () => {
    const { w1, w2 } = aReaderElsewhere();
    w1.exits();
    w2.disconnects();
    const lines = w2.connects();
    assert.ok(lines.includes("w2 < retract y"), lines.join("\n"));
  });
});
