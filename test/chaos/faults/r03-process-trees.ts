/**
 * R3: commands that leave whole trees of processes behind: double forks, sessions of their own,
 * deaf to SIGTERM, with an empty environment. They end with their attempt, however that ends.
 *
 * @module
 */

import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { ChaosCluster } from "../support/chaos-cluster.ts";
import type { Fault, Trial } from "../support/fault.ts";
import { firstObstacle, needPrograms, needRoot, processesWith } from "../support/machine.ts";
import { assertNothingIsLeft } from "../support/oracle.ts";
import { type AcknowledgedJob, Work } from "../support/work.ts";

/** How the attempt ends. The main process of the last two is deaf as well. */
const endings = ["exits", "is killed by itself", "is cancelled", "runs out of time"] as const;

/** Longer than any test; the fraction makes them ours. */
function sleepOf(mark: string): string {
  return `sleep 86399.${mark}`;
}

/** Five processes, four of which try to get away. */
function treeScript(mark: string): string {
  const sleep = sleepOf(mark);
  // What has no environment can only be found by its control group, which root alone can make.
  const naked = needRoot() === "" ? `env -i setsid ${sleep} &` : "";
  return [
    `( setsid sh -c 'trap "" TERM; ${sleep} & ${sleep}' >/dev/null 2>&1 & )`,
    `( ( trap "" TERM; exec ${sleep} ) & )`,
    `nohup ${sleep} >/dev/null 2>&1 &`,
    naked,
    "sleep 0.2",
  ].join("\n");
}

async function growTree(
  work: Work,
  ending: (typeof endings)[number],
  mark: string,
): Promise<AcknowledgedJob> {
  const tree = treeScript(mark);
  const endless = `trap "" TERM\n${tree}\n${sleepOf(mark)}`;
  const options = { grace: 300, maxRetriesFailure: 0, maxRetriesPreemption: 0 };
  switch (ending) {
    case "exits":
      return work.launch({ ...options, script: tree });
    case "is killed by itself":
      return work.launch({ ...options, script: `${tree}\nkill -9 $$` });
    case "is cancelled":
      return work.launch({ ...options, script: endless });
    case "runs out of time":
      return work.launch({ ...options, script: endless, timeout: 700 });
  }
}

/** When the controller calls the attempt ended, nothing of it may live. */
async function watchTree(
  work: Work,
  ending: (typeof endings)[number],
  mark: string,
  trial: Trial,
): Promise<void> {
  const grown = await growTree(work, ending, mark);
  await work.untilBegun(grown);
  if (ending === "is cancelled") {
    await pause(300);
    await grown.job.cancel();
  }
  await grown.job.wait({ timeoutMs: 60_000 });
  const askedAtMs = performance.now();
  for (;;) {
    const [task] = await grown.job.tasks();
    if (task.attempts.every(({ state }) => state === "ENDED")) break;
    assert.ok(performance.now() - askedAtMs < 20_000, `an attempt that ${ending} does not end`);
    await pause(10);
  }
  const alive = processesWith(`86399.${mark}`).map(({ pid, command }) => `${pid} ${command}`);
  assert.deepEqual(alive, [], `the attempt that ${ending} has ended, but not all of it`);
  trial.injected();
}

export const processTrees: Fault = {
  id: "R3",
  title: "trees of processes that try to get away end with their attempt",
  rounds: { test: 2, soak: 25 },
  obstacle: () => firstObstacle(needPrograms("setsid", "nohup", "env")),
  run: async (trial) => {
    await using cluster = await ChaosCluster.start({ workers: 1, cpu: 8 });
    const work = new Work(cluster);
    for (let round = 0; round < trial.rounds; round++) {
      const stem = `${process.pid}${round}`;
      await Promise.all(
        endings.map((ending, at) => watchTree(work, ending, `${stem}${at + 1}`, trial)),
      );
      work.acknowledged.length = 0; // Most of them fail: that is what they are for.
      await assertNothingIsLeft(cluster.client, cluster.directory);
    }
  },
};
