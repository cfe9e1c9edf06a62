/**
 * The cases that a controller with a journal on the disk must stand for long: `restart` kills it
 * under a million tasks that wait, `sustained` keeps it busy.
 *
 * @module
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Client, connect, gather, startLocalCluster } from "capstan";
import type { BenchCase, Prepared } from "./cases.ts";
import { median } from "./measure.ts";
import { noop } from "./tasks.ts";

const restartTasks = 1_000_000;
const sustainedTasks = 1_000_000;
const waveTasks = 20_000;

type Metrics = ReadonlyMap<string, number>;

/** The samples of the controller's metrics, by name and labels. */
async function metricsOf(url: string): Promise<Metrics> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line) => {
      const cut = line.lastIndexOf(" ");
      return [line.slice(0, cut), Number(line.slice(cut + 1))];
    }),
  );
}

const pending = 'capstan_tasks{state="PENDING"}';
const longestLag = 'capstan_event_loop_lag_seconds{quantile="1"}';

/** The metrics when so many tasks wait: all submissions have been taken up. */
async function whenWaiting(url: string, tasks: number): Promise<Metrics> {
  for (let tries = 0; tries < 1_200; tries++) {
    const metrics = await metricsOf(url);
    if (metrics.get(pending) === tasks) return metrics;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${tasks} tasks were not taken up within a minute`);
}

/** Seconds from the start of the new controller's process to the first of the tasks' results. */
async function restart(): Promise<{ seconds: number; details: Prepared["details"] }> {
  const dataDir = mkdtempSync(join(tmpdir(), "capstan-bench-"));
  const cluster = await startLocalCluster({ workers: 0, dataDir });
  const client = await connect(cluster.url);
  try {
    const { processes, url } = cluster;
    const futures = client.map(noop, Array(restartTasks).fill([]));
    const metrics = await whenWaiting(url, restartTasks);
    await processes.killController();
    const startedAt = performance.now();
    await processes.startController();
    const servingMs = performance.now() - startedAt;
    await processes.addWorker();
    await futures[0].result();
    const seconds = (performance.now() - startedAt) / 1_000;
    const acceptLagMaxMs = (metrics.get(longestLag) ?? Number.NaN) * 1_000;
    return { seconds, details: () => ({ servingMs, acceptLagMaxMs }) };
  } finally {
    await client.close();
    await cluster.close();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

async function prepareRestart(): Promise<Prepared> {
  let details: Prepared["details"];
  return {
    run: async () => {
      const last = await restart();
      details = last.details;
      return last.seconds;
    },
    pids: [],
    details: () => details?.() ?? {},
    close: async () => undefined,
  };
}

/** Two waves are always open; a wave that ends makes room for the next. */
async function sustain(client: Client): Promise<readonly number[]> {
  const endedAt: number[] = [];
  const runWave = async () => {
    const futures = client.map(noop, Array(waveTasks).fill([]));
    await gather(futures);
    for (const future of futures) future.release();
    endedAt.push(performance.now());
  };
  let started = 0;
  const lane = async () => {
    while (started++ < sustainedTasks / waveTasks) await runWave();
  };
  await Promise.all([lane(), lane()]);
  return endedAt;
}

async function prepareSustained(): Promise<Prepared> {
  const dataDir = mkdtempSync(join(tmpdir(), "capstan-bench-"));
  const cluster = await startLocalCluster({ workers: 2, dataDir });
  const client = await connect(cluster.url);
  await gather(client.map(noop, Array(2_000).fill([])));
  let details = {};
  return {
    run: async () => {
      const startedAt = performance.now();
      const endedAt = await sustain(client);
      const gaps = endedAt.map((at, i) => at - (endedAt[i - 1] ?? startedAt));
      const metrics = await metricsOf(cluster.url);
      details = {
        slowestWaveRatio: Math.max(...gaps) / median(gaps),
        lagP99Ms: (metrics.get(longestLag.replace('"1"', '"0.99"')) ?? Number.NaN) * 1_000,
        lagMaxMs: (metrics.get(longestLag) ?? Number.NaN) * 1_000,
      };
      return sustainedTasks / ((performance.now() - startedAt) / 1_000);
    },
    pids: [cluster.processes.controllerPid, ...cluster.workers.map((worker) => worker.pid)],
    details: () => details,
    close: async () => {
      await client.close();
      await cluster.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

export const restartCase: BenchCase = {
  name: "restart",
  unit: "s",
  what: `kill -9 under ${restartTasks} tasks that wait; start to the first result, 0 -> 1 worker`,
  prepare: prepareRestart,
};

export const sustainedCase: BenchCase = {
  name: "sustained",
  unit: "tasks/s",
  what: `${sustainedTasks} no-op tasks in waves of ${waveTasks}, two of them open at any time`,
  prepare: prepareSustained,
};
