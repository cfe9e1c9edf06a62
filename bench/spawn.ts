/**
 * The case `spawn`: a job of many `true`, beside a shell that starts as many. They run in turns, so
 * that both meet the same machine.
 *
 * @module
 */

import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Client, type CommandJobOptions, connect, startLocalCluster } from "capstan";
import type { BenchCase, Prepared } from "./cases.ts";
import { usageOf } from "./measure.ts";

const commandCount = 1_000;
const workerCount = 2;
const forkLoop = `for i in $(seq ${commandCount}); do /bin/true; done`;

async function prepare(): Promise<Prepared> {
  const dataDir = mkdtempSync(join(tmpdir(), "capstan-bench-"));
  const cluster = await startLocalCluster({ workers: workerCount, dataDir, cpu: 4 });
  const client = await connect(cluster.url);
  await runJob(client, 20);
  const agents = cluster.workers.map(({ pid }) => pid);
  const launchers = launcherPids(dataDir);
  const parts = {
    controller: [cluster.processes.controllerPid],
    agent: agents,
    launcher: launchers,
  };
  let last: { readonly [name: string]: number } = {};
  return {
    run: async () => {
      const shell = shellRate();
      const before = costsOf(parts);
      const rate = await runJob(client, commandCount);
      const after = costsOf(parts);
      const costs = Object.keys(parts).map((name) => [
        `${name}CpuMsPerTask`,
        ((after[name] - before[name]) * 1_000) / commandCount,
      ]);
      const stretch100ms = await stretchOf(client, "0.1", 40);
      const stretch10ms = await stretchOf(client, "0.01", 200);
      const stretches = { stretch100ms, stretch10ms };
      last = { shell, ratio: rate / shell, ...stretches, ...Object.fromEntries(costs) };
      return rate;
    },
    pids: Object.values(parts).flat(),
    details: () => last,
    close: async () => {
      await client.close();
      await cluster.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** CPU seconds so far, by part. */
function costsOf(parts: { readonly [name: string]: readonly number[] }): {
  readonly [name: string]: number;
} {
  const own = usageOf([]).cpuSeconds;
  return Object.fromEntries(
    Object.entries(parts).map(([name, pids]) => [name, usageOf(pids).cpuSeconds - own]),
  );
}

/** How much longer than ideal `count` commands take that sleep, one at a time on each worker. */
async function stretchOf(client: Client, sleepS: string, count: number): Promise<number> {
  const job = { command: ["/bin/sleep", sleepS], replicas: count, resources: { cpu: 4 } };
  const idealS = (count / workerCount) * Number(sleepS);
  return (await secondsOf(client, job)) / idealS;
}

/** Tasks a second, from the launch to the end of the last. */
async function runJob(client: Client, replicas: number): Promise<number> {
  const job = { command: ["/bin/true"], replicas, resources: { cpu: 0.5 } };
  return replicas / (await secondsOf(client, job));
}

type Commands = Pick<CommandJobOptions, "command" | "replicas" | "resources">;

async function secondsOf(client: Client, commands: Commands): Promise<number> {
  const startedAt = performance.now();
  const job = await client.launchJob({ name: "spawn", ...commands });
  await job.wait({ throwOnFailure: true });
  const { submittedAt, finishedAt } = await job.status();
  const ms = Date.parse(`${finishedAt}`) - Date.parse(`${submittedAt}`);
  const heardMs = performance.now() - startedAt;
  if (ms > heardMs + 5) throw new Error(`the job says ${ms} ms, it took ${heardMs}`);
  return ms / 1_000;
}

function shellRate(): number {
  const startedAt = performance.now();
  const { status } = spawnSync("/bin/sh", ["-c", forkLoop]);
  if (status !== 0) throw new Error(`the fork loop ended with ${status}`);
  return commandCount / ((performance.now() - startedAt) / 1_000);
}

/** The launchers that have claimed the work directories of this cluster's workers. */
function launcherPids(dataDir: string): readonly number[] {
  const claims = readdirSync(dataDir, { recursive: true, encoding: "utf8" }).filter((path) =>
    /(?:^|\/)launcher-\d+-\d+\.json$/.test(path),
  );
  return claims.map((path) => JSON.parse(readFileSync(join(dataDir, path), "utf8")).pid);
}

export const spawnCase: BenchCase = {
  name: "spawn",
  unit: "tasks/s",
  what: `${commandCount} times /bin/true on ${workerCount} workers, beside a shell's fork loop`,
  prepare,
};
