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
