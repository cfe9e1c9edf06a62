/**
 * A gang of functions: three ranks on three workers of one rack train one model, and know where
 * the others listen. Either all run or none; if one is lost all begin again.
 *
 *     node examples/gang-training/run.ts
 *
 * @module
 */

import assert from "node:assert/strict";
import { connect, startLocalCluster } from "capstan";
import { type Model, train } from "./train.ts";

await using cluster = await startLocalCluster({
  workers: 3,
  workerOptions: () => ({ attributes: { rack: "r1" } }),
});
await using client = await connect(cluster.url);

const job = await client.launchJob({
  name: "fit",
  task: train,
  args: [200, "fit/model"],
  executor: "process",
  replicas: 3,
  coscheduling: { groupBy: "rack" },
  ports: ["ring"],
  maxRetriesFailure: 3,
});
await job.wait({ throwOnFailure: true });

const places = (await job.tasks()).map(({ attempts }) => attempts[0].workerId);
assert.equal(new Set(places).size, 3, "each rank has a worker of its own");
const { weights, bias, samples } = await client.fetch<Model>("fit/model").result();
const [a, b] = weights.map((weight) => weight.toFixed(2));
console.log(`y = ${a} a + ${b} b + ${bias.toFixed(2)}, of ${samples} samples on 3 workers`);
