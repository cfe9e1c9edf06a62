/**
 * The estimates that placement compares: what a move takes, and what a wait does.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { transferRateDefault, transferRateMax, transferRateMin } from "./limits.ts";
import { remainingUs, smoothedRate, transferUs } from "./transfer-cost.ts";

test("a move takes its bytes over the rate, in microseconds", () => {
  assert.equal(transferUs(1_000_000_000, 100_000_000), 10_000_000);
  assert.equal(transferUs(0, 100_000_000), 0);
});

test("what runs is expected to take what is usual, and what is late as much again", () => {
  assert.equal(remainingUs(1_000, 0), 1_000);
  assert.equal(remainingUs(1_000, 400), 600);
  assert.equal(remainingUs(1_000, 990), 125, "never nothing at all");
  assert.equal(remainingUs(1_000, 5_000), 4_000);
});

test("the rate follows what is measured, an eighth each time, and stays within reason", () => {
  const slow = { sizeBytes: 20_000_000, durationUs: 1_000_000 };
  assert.equal(smoothedRate(100_000_000, slow), 90_000_000);
  const after = (transfer: typeof slow) => {
    let rate = transferRateDefault;
    for (let i = 0; i < 500; i++) rate = smoothedRate(rate, transfer);
    return Math.round(rate);
  };
  assert.equal(after(slow), 20_000_000);
  assert.equal(after({ sizeBytes: 2_000_000, durationUs: 0 }), transferRateMax);
  assert.equal(after({ sizeBytes: 2_000_000, durationUs: 3_600_000_000 }), transferRateMin);
});
