/**
 * A gang: four ranks that start together, on four hosts of one slice, and know each other.
 *
 *     node examples/jobs/gang.ts
 *
 * @module
 */

import assert from "node:assert/strict";
import { connect, startLocalCluster } from "capstan";

// Two slices of four hosts. What a worker declares need not exist.
await using cluster = await startLocalCluster({
  workers: 8,
  workerOptions: (index) => ({
    cpu: 32,
    memory: 64 * 2 ** 30,
    threads: 1,
    attributes: { slice: index < 4 ? "a" : "b" },
  }),
});
await using client = await connect(cluster.url);

const job = await client.launchJob({
  name: "train",
  command: ["sh", "-c", 'echo "$CAPSTAN_TASK_INDEX/$CAPSTAN_NUM_TASKS $CAPSTAN_GANG_HOSTS"'],
  replicas: 4,
  coscheduling: { groupBy: "slice" },
  resources: { cpu: 20, memory: "40g" },
});
await job.wait({ throwOnFailure: true });

const ranks: string[] = [];
for await (const { index, text } of job.logs()) ranks[index] = text;
for (const line of ranks) console.log(line);

const places = new Set((await job.tasks()).map(({ attempts }) => attempts[0].workerId));
assert.equal(places.size, 4, "each rank has a host of its own");
const hosts = ranks.map((line) => line.split(" ")[1]);
assert.equal(new Set(hosts).size, 1, "all ranks were told the same");
assert.equal(hosts[0].split(",").length, 4, "one address for each rank, in their order");
console.log(`four ranks on ${[...places].join(", ")}`);
