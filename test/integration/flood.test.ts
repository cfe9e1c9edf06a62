/**
 * A flood of work must not be taken for the silence of a worker.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { connect, gather, startLocalCluster } from "../../src/client/index.ts";
import * as tasks from "./sdk-tasks.ts";

const rounds = 3;
const tasksPerRound = 50_000;

test("the heartbeats of workers are heard through a flood of submits and reports", async (t) => {
  const cluster = await startLocalCluster({ workers: 2 });
  const [flooding, watching] = await Promise.all([connect(cluster.url), connect(cluster.url)]);
  const seen = new Set<string>();
  let beats = 0;
  let isOver = false;
  const watch = async (): Promise<void> => {
    let last = "";
    while (!isOver) {
      const workers = await watching.workers();
      for (const { state } of workers) seen.add(state);
      const heard = workers.map(({ lastHeartbeatAt }) => String(lastHeartbeatAt)).join();
      if (heard !== last) beats++;
      last = heard;
      await pause(50);
    }
  };
  const watched = watch();
  const argumentLists = Array.from({ length: tasksPerRound }, (_, i): [number, number] => [i, 1]);
  const startedAt = performance.now();
  for (let round = 0; round < rounds; round++) {
    const futures = flooding.map(tasks.add, argumentLists);
    const sums = await gather(futures);
    assert.equal(sums.at(-1), tasksPerRound);
    for (const future of futures) future.release();
  }
  const floodMs = performance.now() - startedAt;
  await pause(Math.max(0, 1_500 - floodMs)); // Until there must have been a beat.
  isOver = true;
  await watched;
  await Promise.all([flooding.close(), watching.close()]);
  await cluster.close();
  t.diagnostic(`${beats} beats in ${Math.round(floodMs)} ms`);
  assert.ok(beats > 0);
  assert.deepEqual([...seen], ["HEALTHY"]);
});
