/**
 * An actor: samples are drawn by tasks wherever there is room, and one object adds them up. No
 * sample comes back here, and the tasks need not know of each other.
 *
 *     node examples/actors/run.ts
 *
 * @module
 */

import { connect, startLocalCluster } from "capstan";
import { RunningMean, throwDarts } from "./estimate.ts";

const rounds = 10;
const tasksPerRound = 20;
const darts = 20_000;

await using cluster = await startLocalCluster({ workers: 2 });
await using client = await connect(cluster.url);
using mean = client.createActor(RunningMean, []);

let seed = 1;
for (let round = 1; round <= rounds; round++) {
  const seeds = Array.from({ length: tasksPerRound }, () => seed++);
  const samples = client.map(
    throwDarts,
    seeds.map((one) => [darts, one]),
  );
  // Each future is an argument: the actor takes a sample when it is there, in this order.
  for (const sample of samples) mean.methods.add(sample);
  const estimate = await mean.call("estimate", []).result();
  const { mean: pi, standardError } = estimate;
  console.log(`after ${estimate.samples}: ${pi.toFixed(5)} ± ${standardError.toFixed(5)}`);
}
