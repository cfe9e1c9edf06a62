/**
 * The smallest whole program: a cluster of processes, a hundred tasks, and one that takes them all.
 *
 *     node examples/first-graph/run.ts
 *
 * @module
 */

import { connect, startLocalCluster } from "capstan";
import { countPrimes, total } from "./primes.ts";

const size = 100_000;

await using cluster = await startLocalCluster({ workers: 2 });
await using client = await connect(cluster.url);

const starts = Array.from({ length: 100 }, (_, index) => index * size);
const counts = client.map(
  countPrimes,
  starts.map((start) => [start, start + size] as const),
); // 100 futures, at once
const sum = client.submit(total, [counts]); // futures are arguments: these are its inputs

console.log(`${await sum.result()} primes below ${100 * size}`);
