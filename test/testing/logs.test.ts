/**
 * The logs of launched jobs on a simulated cluster, from the moment of the launch on.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Job, JobLogOptions } from "../../src/client/index.ts";
import { simulateCluster } from "../../src/testing/index.ts";

async function linesOf(job: Job, options: JobLogOptions = {}): Promise<readonly string[]> {
  const lines: string[] = [];
  for await (const { index, text } of job.logs(options)) lines.push(`${index} ${text}`);
  return lines.sort();
}

/** With these seeds the question met a journal that was being written. */
const busySeeds = [
  { replicas: 1, seeds: [2, 39] },
  { replicas: 2, seeds: [1, 7, 33] },
  { replicas: 4, seeds: [33] },
] as const;

describe("the logs of a job that was just launched", () => {
  for (const { replicas, seeds } of busySeeds) {
    for (const seed of seeds) {
      test(`are followed to its end: seed ${seed}, replicas ${replicas}`, async () => {
        await using cluster = await simulateCluster({ seed });
        cluster.onCommand(() => ({ stdout: "x\n", takes: "1m" }));
        const client = await cluster.connect();
        const job = await client.launchJob({ name: "train", command: ["fit"], replicas });
        const lines = await linesOf(job, { follow: true });
        assert.deepEqual(
          lines,
          Array.from({ length: replicas }, (_, index) => `${index} x`),
        );
        assert.ok(cluster.now < 70_000, `only at ${cluster.now} ms`);
      });
    }
  }

  test("are empty at once while its commands run, whatever the seed", async () => {
    for (let seed = 0; seed < 40; seed++) {
      await using cluster = await simulateCluster({ seed });
      cluster.onCommand(() => ({ stdout: "x\n", takes: "12h" }));
      const client = await cluster.connect();
      const job = await client.launchJob({ name: "train", command: ["fit"], replicas: 2 });
      assert.deepEqual(await linesOf(job), [], `seed ${seed}`);
      assert.ok(cluster.now < 10_000, `only at ${cluster.now} ms`);
    }
  });
});

test("the stack of a task that was just submitted is answered, whatever the seed", async () => {
  for (let seed = 0; seed < 40; seed++) {
    await using cluster = await simulateCluster({ seed });
    cluster.onCommand(() => ({ takes: "12h" }));
    const client = await cluster.connect();
    const job = await client.launchJob({ name: "train", command: ["fit"], replicas: 2 });
    const stack = await client.call("GetTaskStack", { taskId: `${job.id}/0` });
    assert.match(JSON.stringify(stack), /train\/0/, `seed ${seed}`);
  }
});

describe("the logs of a job, by the time of its cluster", () => {
  test("may be asked for from an hour ago on", async () => {
    await using cluster = await simulateCluster();
    cluster.onCommand(({ index }) => ({ stdout: "x\n", takes: `${1 + 5 * index}h` }));
    const client = await cluster.connect();
    const job = await client.launchJob({ name: "train", command: ["fit"], replicas: 2 });
    await job.wait();
    assert.deepEqual(await linesOf(job, { since: "1h" }), ["1 x"]);
    assert.deepEqual(await linesOf(job, { since: "6h" }), ["0 x", "1 x"]);
    assert.deepEqual(await linesOf(job, { since: "1970-01-01T05:00:00Z" }), ["1 x"]);
  });

  test("end with what was written when they were asked for", async () => {
    await using cluster = await simulateCluster({ networkDelayMax: "200ms" });
    cluster.onCommand(({ index }) => ({ stdout: "x\n", takes: 1 + 30 * index })); // All the time.
    const client = await cluster.connect();
    const resources = { cpu: 0.01, memory: "1MiB" };
    const job = await client.launchJob({
      name: "busy",
      command: ["fit"],
      replicas: 400,
      resources,
    });
    await cluster.advance("3s");
    const askedAt = cluster.now;
    const { length } = await linesOf(job);
    assert.ok(length >= 50 && length < 200, `${length} lines`);
    assert.ok(cluster.now < askedAt + 2_000, `at ${cluster.now} ms, asked at ${askedAt} ms`);
  });
});
