/**
 * What the process counts about itself.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { noTraffic } from "../../controller/traffic.ts";
import { ControllerMetrics } from "./controller-metrics.ts";
import { loopLateMsMax } from "./limits.ts";

const blockMs = 4 * loopLateMsMax;

test("a pause of the event loop beyond its budget is told, and counted", async () => {
  const told = Promise.withResolvers<number>();
  const metrics = new ControllerMetrics(told.resolve);
  const endAt = performance.now() + blockMs;
  while (performance.now() < endAt);
  const keepAlive = setInterval(() => undefined, 60_000);
  const lateMs = await told.promise;
  clearInterval(keepAlive);
  assert.ok(lateMs > loopLateMsMax, `${lateMs} ms`);
  const summary = {
    taskStateCounts: {},
    workerStateCounts: {},
    attemptCount: 0,
    recomputedCount: 0,
    resources: [],
    valueBytes: 3,
    spilledBytes: 1,
    ...{ processCount: 2, processBytes: 5 },
    trafficCounts: noTraffic(),
  };
  const counts = { journalSequence: 0, durableSequence: 0, epoch: 1 };
  const live = { connectionCount: 0, queryCount: 0, readCount: 0, busyMs: 0 };
  const ended = { succeeded: 0, failed: 0 };
  const others = { clientCount: 0, workerSessionCount: 0, openChangeCount: 0, ended, live };
  const collected = metrics.collect({ ...summary } as never, { ...counts, ...others });
  metrics.close();
  const processes = collected.find(({ name }) => name === "capstan_function_process_bytes");
  assert.equal(processes?.samples[0].value, 5);
  const late = collected.find(({ name }) => name === "capstan_event_loop_late_seconds_total");
  assert.ok((late?.samples[0].value ?? 0) >= 1);
});
