/**
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { formatMetrics } from "../api/metrics.ts";
import { CallTimes } from "./call-times.ts";

test("calls are counted by their answer, and their times in buckets that add up", () => {
  const times = new CallTimes();
  times.count("ListJobs", "OK", 0.002);
  times.count("ListJobs", "OK", 0.3);
  times.count("ListJobs", "NOT_FOUND", 9);
  const text = formatMetrics(times.metrics());
  assert.match(text, /^capstan_api_calls_total\{method="ListJobs",code="OK"\} 2$/m);
  assert.match(text, /^# TYPE capstan_api_call_duration_seconds histogram$/m);
  const buckets = [...text.matchAll(/_bucket\{method="ListJobs",le="([^"]+)"\} (\d+)/g)];
  assert.deepEqual(
    buckets.map(([, le, count]) => `${le} ${count}`),
    ["0.001 0", "0.005 1", "0.025 1", "0.1 1", "0.5 2", "2.5 2", "+Inf 3"],
  );
  assert.match(text, /^capstan_api_call_duration_seconds_sum\{method="ListJobs"\} 9\.302$/m);
  assert.match(text, /^capstan_api_call_duration_seconds_count\{method="ListJobs"\} 3$/m);
});
