/**
 * R2: a worker's agent is killed, alone or with all of its machine, while commands run.
 *
 * @module
 */

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { agentAbsenceMaxMs } from "../../../src/shell/executor/limits.ts";
import { ChaosCluster } from "../support/chaos-cluster.ts";
import type { Fault, Trial } from "../support/fault.ts";
import { untilNothing } from "../support/machine.ts";
import { assertNothingIsLeft, findCommands } from "../support/oracle.ts";
import { Work } from "../support/work.ts";

/** What the lease leaves of a command: its grace of 1 s, and time to look. */
const reapedAfterLeaseMs = 10_000;

async function launchSome(work: Work, trial: Trial): Promise<void> {
  const seconds = `0.${1 + trial.random.below(9)}`;
  await work.launch({ script: `sleep ${seconds}`, replicas: 12 });
  await work.untilBegun(await work.launch({ script: "sleep 1.5", replicas: 2 }));
  await pause(trial.random.below(300));
}

/** The agent alone: the next one takes over what runs, and nothing begins again. */
async function killAgent(cluster: ChaosCluster, work: Work, trial: Trial): Promise<void> {
  await launchSome(work, trial);
  await cluster.killWorker(0);
  trial.injected();
  await pause(trial.random.below(1_500));
  const startedAtMs = performance.now();
  await cluster.startWorker(0);
  trial.measured("next agent serves, ms", performance.now() - startedAtMs);
  await work.settleAndAudit({ onceEach: true });
}

/** The machine: all that ran there is gone, and is done again. */
async function killHost(cluster: ChaosCluster, work: Work, trial: Trial): Promise<void> {
  await launchSome(work, trial);
  await cluster.killHost(0);
  trial.injected();
  await pause(trial.random.below(1_500));
  await cluster.startWorker(0);
  await work.settleAndAudit();
}

/** The agent, for good: what it left ends with its lease, and is done elsewhere long before. */
async function leaveToLease(cluster: ChaosCluster, work: Work, trial: Trial): Promise<void> {
  const job = await work.launch({ script: `[ -e ${cluster.path("go")} ] || sleep 600` });
  await work.untilBegun(job);
  const home = (await job.job.tasks())[0].workerId;
  const index = Number(home?.slice("w-".length));
  await cluster.killWorker(index);
  const killedAtMs = performance.now();
  trial.injected();
  writeFileSync(cluster.path("go"), ""); // The next attempt has nothing to wait for.
  await work.settleAndAudit();
  trial.measured("done elsewhere, ms", performance.now() - killedAtMs);
  const limitMs = agentAbsenceMaxMs + reapedAfterLeaseMs;
  await untilNothing("orphans", () => findCommands(cluster.directory), limitMs);
  trial.measured("orphan reaped, ms", performance.now() - killedAtMs);
  assert.ok(performance.now() - killedAtMs <= limitMs);
  await cluster.startWorker(index);
}

export const agentKilled: Fault = {
  id: "R2",
  title: "what a killed agent ran is adopted, done again or reaped, and no orphan is left",
  rounds: { test: 2, soak: 40 },
  obstacle: () => "",
  run: async (trial) => {
    await using cluster = await ChaosCluster.start();
    const work = new Work(cluster);
    for (let round = 0; round < trial.rounds; round++) {
      const isLast = round === trial.rounds - 1;
      if (trial.isSoak && isLast) await leaveToLease(cluster, work, trial);
      else if (round % 2 === 0) await killAgent(cluster, work, trial);
      else await killHost(cluster, work, trial);
      await assertNothingIsLeft(cluster.client, cluster.directory);
    }
  },
};
