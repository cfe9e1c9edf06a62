/**
 * Four jobs of 2 CPUs each on a worker that has 4: two run at a time, whoever asks.
 *
 *     node examples/jobs/two-at-a-time.ts
 *
 * @module
 */

import assert from "node:assert/strict";
import { connect, startLocalCluster } from "capstan";

await using cluster = await startLocalCluster({ workers: 1, cpu: 4 });
await using client = await connect(cluster.url);

const jobs = await Promise.all(
  [1, 2, 3, 4].map((number) =>
    client.launchJob({
      name: `half-${number}`,
      command: ["sleep", "0.5"],
      resources: { cpu: 2 },
    }),
  ),
);
await Promise.all(jobs.map((job) => job.wait({ throwOnFailure: true })));

// Every attempt says when it held its CPUs.
const attempts = (await Promise.all(jobs.map((job) => job.tasks())))
  .flat()
  .flatMap((task) => task.attempts)
  .map(({ startedAt, endedAt }) => ({
    from: Date.parse(`${startedAt}`),
    to: Date.parse(`${endedAt}`),
  }));

const atOnce = attempts.map(
  ({ from }) => attempts.filter((a) => a.from <= from && from < a.to).length,
);
const first = Math.min(...attempts.map(({ from }) => from));
const last = Math.max(...attempts.map(({ to }) => to));
assert.equal(Math.max(...atOnce), 2);
assert.ok(last - first >= 1_000, "two rounds of half a second");
console.log(
  `at most ${Math.max(...atOnce)} of ${attempts.length} ran at a time, ${last - first} ms in all`,
);
