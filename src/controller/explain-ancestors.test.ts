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

test("a child that no worker could run, or that has room on another worker, is not", () => {
  const harness = new ControllerHarness();
  harness.aWorker({ slots: 4, capacity: { devices: [gpu] } });
  harness.launch("a", { resources: { devices: [gpu] } });
  harness.launch("a/huge", { resources: { cpuMilli: 99_000 } });
  assert.doesNotMatch(firstReason(harness, "/ann/a/huge"), /parents/);
  const other = harness.aWorker({ slots: 4, capacity: { devices: [gpu] } });
  harness.launch("busy", { resources: { devices: [gpu] }, user: "bob" });
  harness.launch("a/b", { resources: { devices: [gpu] } });
  assert.equal(other.orders, "busy/0");
  assert.doesNotMatch(firstReason(harness, "/ann/a/b"), /parents/);
});

test("a child is told of all above it, the nearest first", () => {
  const harness = new ControllerHarness();
  harness.aWorker({ slots: 4, capacity: { cpuMilli: 3_000 } });
  for (const name of ["a", "a/b", "a/b/c"]) harness.launch(name);
  harness.launch("a/b/c/d", { resources: { cpuMilli: 2_000 } });
  const reason = firstReason(harness, "/ann/a/b/c/d");
  assert.match(reason, /its own parents \(\/ann\/a\/b\/c, \/ann\/a\/b, \/ann\/a\) hold/);
});

test("a child that waits for somebody else's work is not", () => {
  const harness = new ControllerHarness();
  harness.aWorker({ slots: 4, capacity: { devices: [gpu] } });
  harness.launch("other", { resources: { devices: [gpu] } });
  harness.launch("a");
  harness.launch("a/b", { resources: { devices: [gpu] } });
  assert.doesNotMatch(firstReason(harness, "/ann/a/b"), /parents/);
});
