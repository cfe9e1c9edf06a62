/**
 * A tree of jobs that holds what it waits for is told so.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { ControllerHarness } from "../../test/support/controller-builders.ts";

interface Explained {
  readonly reasons: readonly { readonly message: string }[];
}

const gpu = { kind: "gpu", variant: "h100", countMilli: 1000, indices: [] };

function firstReason(harness: ControllerHarness, id: string): string {
  const { reasons } = harness.call("Explain", { id }) as Explained;
  return reasons[0]?.message ?? "";
}

test("a child whose parent holds the only device of its kind is told that the parent does", () => {
  const harness = new ControllerHarness();
  harness.aWorker({ slots: 4, capacity: { devices: [gpu] } });
  harness.launch("a", { resources: { devices: [gpu] } });
  harness.launch("a/b", { resources: { devices: [gpu] } });
  assert.match(firstReason(harness, "/ann/a/b"), /its own parents \(\/ann\/a\) hold/);
});

test("a child that waits for somebody else's work is not", () => {
  const harness = new ControllerHarness();
  harness.aWorker({ slots: 4, capacity: { devices: [gpu] } });
  harness.launch("other", { resources: { devices: [gpu] } });
  harness.launch("a");
  harness.launch("a/b", { resources: { devices: [gpu] } });
  assert.doesNotMatch(firstReason(harness, "/ann/a/b"), /parents/);
});
