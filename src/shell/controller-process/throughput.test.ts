/**
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { throughputSteps } from "./limits.ts";
import { Throughput } from "./throughput.ts";

const nothing = Array.from({ length: throughputSteps }, () => 0);

test("what ended before the first look is not counted", () => {
  const throughput = new Throughput();
  throughput.observe(1_000_000, { succeeded: 500, failed: 5 });
  const { recent, history } = throughput.series(1_001_000);
  assert.deepEqual([recent.succeeded, recent.failed], [nothing, nothing]);
  assert.deepEqual(history.succeeded, nothing);
});

test("what ended is told once its step has ended, and forgotten after the last", () => {
  const throughput = new Throughput();
  throughput.observe(1_000_000, { succeeded: 0, failed: 0 });
  throughput.observe(1_000_200, { succeeded: 3, failed: 0 });
  throughput.observe(1_000_900, { succeeded: 7, failed: 1 });
  assert.equal(throughput.series(1_000_950).recent.succeeded.at(-1), 0, "it goes on");
  const { recent } = throughput.series(1_001_000);
  assert.deepEqual([recent.succeeded.at(-1), recent.failed.at(-1)], [7, 1]);
  assert.equal(recent.endAt, new Date(1_001_000).toISOString());
  assert.equal(throughput.series(1_004_000).recent.succeeded.at(-4), 7);
  assert.deepEqual(throughput.series(1_062_000).recent.succeeded, nothing);
});

test("the long series has the same tasks in fewer steps", () => {
  const throughput = new Throughput();
  let succeeded = 0;
  throughput.observe(1_500_000, { succeeded, failed: 0 });
  for (let second = 0; second < 30; second++) {
    succeeded += 2;
    throughput.observe(1_500_000 + second * 1_000, { succeeded, failed: 0 });
  }
  const { history } = throughput.series(1_530_000);
  assert.deepEqual(history.succeeded.slice(-2), [30, 30]);
});

test("after a long silence everything is empty", () => {
  const throughput = new Throughput();
  throughput.observe(1_000, { succeeded: 0, failed: 0 });
  throughput.observe(2_000, { succeeded: 9, failed: 9 });
  throughput.observe(9_000_000, { succeeded: 9, failed: 9 });
  assert.deepEqual(throughput.series(9_000_000).recent.succeeded, nothing);
});
