/**
 * The cases that run on a real cluster: a client, a controller with a durable journal, two workers.
 *
 * @module
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Client, connect, type Future, gather, startLocalCluster } from "capstan";
import type { BenchCase, Prepared } from "./cases.ts";
import { quantile } from "./measure.ts";
import { count, increment, noop } from "./tasks.ts";

const throughputTasks = 200_000;
const latencyTasks = 1_000;
const chainTasks = 2_000;
const mergeTasks = 25_000;

/** One run on a connected client: gives its number. */
type Run = (client: Client) => Promise<number>;

/** A cluster of its own for each case, so that no case pays for what another left behind. */
async function onCluster(run: Run, details?: Prepared["details"]): Promise<Prepared> {
  const dataDir = mkdtempSync(join(tmpdir(), "capstan-bench-"));
  const cluster = await startLocalCluster({ workers: 2, dataDir });
  const client = await connect(cluster.url);
  await gather(client.map(noop, Array(2_000).fill([])));
  return {
    run: () => run(client),
    pids: [cluster.processes.controllerPid, ...cluster.workers.map((worker) => worker.pid)],
    close: async () => {
      await client.close();
      await cluster.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
    ...(details === undefined ? {} : { details }),
  };
}

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return (performance.now() - startedAt) / 1_000;
}

function releaseAll(futures: readonly Future<unknown>[]): void {
  for (const future of futures) future.release();
}

async function throughput(client: Client): Promise<number> {
  const argumentLists: [][] = Array(throughputTasks).fill([]);
  let futures: Future<number>[] = [];
  const elapsed = await seconds(async () => {
    futures = client.map(noop, argumentLists);
    await gather(futures);
  });
  releaseAll(futures);
  return throughputTasks / elapsed;
}

const latencies: number[] = [];

async function latency(client: Client): Promise<number> {
  latencies.length = 0;
  for (let i = 0; i < latencyTasks; i++) {
    const startedAt = performance.now();
    const future = client.submit(noop, []);
    await future.result();
    latencies.push(performance.now() - startedAt);
    future.release();
  }
  return quantile(latencies, 0.5);
}

/** 20 sets of 200 tasks and one that takes them all: 4,020 tasks. */
async function seed(client: Client): Promise<number> {
  const all: Future<number>[] = [];
  const elapsed = await seconds(async () => {
    const merged = Array.from({ length: 20 }, () => {
      const parts = client.map(noop, Array(200).fill([]));
      all.push(...parts);
      return client.submit(count, parts);
    });
    all.push(...merged);
    const counts = await gather(merged);
    if (counts.some((value) => value !== 200)) throw new Error(`wrong counts: ${counts}`);
  });
  releaseAll(all);
  return elapsed;
}

async function chain(client: Client): Promise<number> {
  const links: Future<number>[] = [client.submit(increment, [0])];
  const elapsed = await seconds(async () => {
    while (links.length < chainTasks)
      links.push(client.submit(increment, [links[links.length - 1]]));
    const value = await links[links.length - 1].result();
    if (value !== chainTasks) throw new Error(`the chain ended with ${value}`);
  });
  releaseAll(links);
  return chainTasks / elapsed;
}

async function merge(client: Client): Promise<number> {
  let all: Future<number>[] = [];
  const elapsed = await seconds(async () => {
    const parts = client.map(noop, Array(mergeTasks).fill([]));
    const merged = client.submit(count, parts);
    all = [...parts, merged];
    const value = await merged.result();
    if (value !== mergeTasks) throw new Error(`merged ${value}`);
  });
  releaseAll(all);
  return elapsed;
}

export const endToEndCases: readonly BenchCase[] = [
  {
    name: "throughput",
    unit: "tasks/s",
    what: `${throughputTasks} no-op function tasks, submit to last result`,
    prepare: () => onCluster(throughput),
  },
  {
    name: "latency",
    unit: "ms",
    what: `one no-op task at a time, submit to result, median of ${latencyTasks}`,
    prepare: () => onCluster(latency, () => ({ p99Ms: quantile(latencies, 0.99) })),
  },
  {
    name: "seed",
    unit: "s",
    what: "20 x (200 no-op tasks -> 1), 4,020 tasks",
    prepare: () => onCluster(seed),
  },
  {
    name: "chain",
    unit: "tasks/s",
    what: `${chainTasks} tasks, each the argument of the next`,
    prepare: () => onCluster(chain),
  },
  {
    name: "merge",
    unit: "s",
    what: `${mergeTasks} no-op tasks -> 1 task that takes them all`,
    prepare: () => onCluster(merge),
  },
];
