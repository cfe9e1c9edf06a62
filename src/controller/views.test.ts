/**
 * How the API writes what the kernel counts.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ControllerHarness } from "../../test/support/controller-builders.ts";
import { formatTime, stateReason } from "./views.ts";

test("a time is written as everybody writes it, and none as null", () => {
  const whole = fc.integer({ min: 1, max: Date.UTC(2254, 11, 31) });
  const leapDays = fc.integer({ min: 1, max: 284 }).map((n) => Date.UTC(1970 + n, 1, 28 + (n % 3)));
  const isAsJavaScriptHasIt = (ms: number) =>
    assert.equal(formatTime(ms * 1000 + 999), new Date(ms).toISOString());
  fc.assert(fc.property(fc.oneof(whole, leapDays), isAsJavaScriptHasIt));
  for (const year of [1970, 1972, 1999, 2000, 2024, 2100]) {
    for (let month = 0; month < 12; month++) isAsJavaScriptHasIt(Date.UTC(year, month, 1, 12) + 1);
  }
  isAsJavaScriptHasIt(Date.UTC(2000, 1, 29, 12)); // The last day of its four centuries.
  assert.equal(formatTime(0), null);
});

test("why a worker is in its state is said in short, the worst first", () => {
  const harness = new ControllerHarness();
  const worker = harness.aWorker();
  const [record] = harness.state.workers;
  const { workerId } = worker;
  assert.equal(stateReason(record), "");
  harness.asks({ type: "cordon-worker", workerId, cordon: true });
  assert.equal(stateReason(record), "cordoned by an administrator");
  harness.asks({ type: "drain-worker", workerId, drain: true, deadlineMs: 0 });
  assert.equal(stateReason(record), "drained");
  record.liveAttempts = 1;
  assert.equal(stateReason(record), "draining: 1 attempt has not ended");
  record.liveAttempts = 2;
  assert.equal(stateReason(record), "draining: 2 attempts have not ended");
  record.trouble = "no disk";
  assert.equal(stateReason(record), "no disk");
  record.suspect = true;
  assert.equal(stateReason(record), "not heard for some seconds");
  record.connected = false;
  assert.equal(stateReason(record), "not connected");
  record.lost = true;
  assert.equal(stateReason(record), record.lostReason);
});
