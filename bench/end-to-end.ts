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
import { add, count, increment, noop } from "./tasks.ts";

const throughputTasks = 200_000;
const latencyTasks = 1_000;
const chainTasks = 2_000;
const mergeTasks = 25_000;
const treeLeaves = 4_096;

/** One run on a connected client: gives its number. */
export type Run = (client: Client) => Promise<number>;

type LocalOptions = Parameters<typeof startLocalCluster>[0];

interface ClusterOptions extends Pick<LocalOptions, "workerOptions"> {
  /** Default true: the journal is on a disk. */
  readonly isDurable?: boolean;
}

/** A cluster of its own for each case, so that no case pays for what another left behind. */
export async function onCluster(
  run: Run,
  details?: Prepared["details"],
  { isDurable = true, ...options }: ClusterOptions = {},
): Promise<Prepared> {
  const dataDir = mkdtempSync(join(tmpdir(), "capstan-bench-"));
  const journal = isDurable ? { dataDir } : {};
  const cluster = await startLocalCluster({ workers: 2, ...journal, ...options });
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

/** The same on two clusters, in turn: the number is that of the durable journal. */
async function prepareLatency(): Promise<Prepared> {
  const durable: number[] = [];
  const memory: number[] = [];
  const onDisk = await onCluster((client) => latency(client, durable));
  const inMemory = await onCluster((client) => latency(client, memory), undefined, {
    isDurable: false,
  });
  return {
    run: async () => {
      await inMemory.run();
      return onDisk.run();
    },
    pids: onDisk.pids,
    details: () => ({
      p99Ms: quantile(durable, 0.99),
      memoryP50Ms: quantile(memory, 0.5),
      memoryP99Ms: quantile(memory, 0.99),
    }),
    close: async () => {
      await Promise.all([onDisk.close(), inMemory.close()]);
    },
  };
}

async function latency(client: Client, latencies: number[]): Promise<number> {
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

/** Pairs of pairs: each task takes two results. */
async function tree(client: Client): Promise<number> {
  const all: Future<number>[] = [];
  const elapsed = await seconds(async () => {
    let level: Future<number>[] = client.map(
      increment,
      Array.from({ length: treeLeaves }, (): [number] => [0]),
    );
    all.push(...level);
    while (level.length > 1) {
      const pairs = Array.from({ length: level.length / 2 }, (_, i) =>
        level.slice(2 * i, 2 * i + 2),
      );
      level = pairs.map(([left, right]) => client.submit(add, [left, right]));
      all.push(...level);
    }
    const sum = await level[0].result();
    if (sum !== treeLeaves) throw new Error(`the tree gave ${sum}`);
  });
  releaseAll(all);
  return (2 * treeLeaves - 1) / elapsed;
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
    prepare: prepareLatency,
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
    name: "tree",
    unit: "tasks/s",
    what: `${treeLeaves} tasks, then pairs of their results down to one`,
    prepare: () => onCluster(tree),
  },
  {
    name: "merge",
    unit: "s",
    what: `${mergeTasks} no-op tasks -> 1 task that takes them all`,
    prepare: () => onCluster(merge),
  },
];
