/**
 * The case `failover`: how long after a worker ends what it ran begins on another one. The number
 * is for a worker that is killed, whose parent proves its exit; *also* has the one for a worker
 * that falls silent.
 *
 * @module
 */

import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { type Client, connect, startLocalCluster } from "capstan";
import type { BenchCase, Prepared } from "./cases.ts";
import { stayOnce } from "./tasks.ts";

const pollMs = 5;

async function prepare(): Promise<Prepared> {
  const dataDir = mkdtempSync(join(tmpdir(), "capstan-bench-"));
  const cluster = await startLocalCluster({ workers: 2, dataDir });
  const client = await connect(cluster.url);
  let rounds = 0;
  let silenceS = 0;
  const fail = (signal: NodeJS.Signals) => {
    return failover(client, join(dataDir, `round-${rounds++}`), signal);
  };
  return {
    run: async () => {
      silenceS = Math.max(silenceS, await fail("SIGSTOP"));
      return fail("SIGKILL");
    },
    pids: [cluster.processes.controllerPid],
    details: () => ({ silenceMaxS: silenceS }),
    close: async () => {
      await client.close();
      await cluster.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** Seconds from the signal until the task runs again. */
async function failover(client: Client, file: string, signal: NodeJS.Signals): Promise<number> {
  const staying = client.submit(stayOnce, [file]);
  while (!existsSync(file)) await pause(pollMs);
  const pid = Number(readFileSync(file, "utf8"));
  const signalledAt = Date.now();
  process.kill(pid, signal);
  try {
    return ((await staying.result()) - signalledAt) / 1_000;
  } finally {
    if (signal === "SIGSTOP") process.kill(pid, "SIGCONT");
    staying.release();
    await untilTwoWork(client);
  }
}

async function untilTwoWork(client: Client): Promise<void> {
  for (;;) {
    const workers = await client.workers();
    if (workers.filter(({ state }) => state === "HEALTHY").length >= 2) return;
    await pause(pollMs);
  }
}

export const failoverCase: BenchCase = {
  name: "failover",
  unit: "s",
  what: "a worker is killed, or falls silent: until what it ran begins elsewhere",
  prepare,
};
