/**
 * R4: a controller, an agent or a command stands still (SIGSTOP) for longer than anybody waits for
 * it, and then goes on as if nothing had happened (SIGCONT).
 *
 * @module
 */

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { lostAfterUs } from "../../../src/controller/limits.ts";
import { ChaosCluster } from "../support/chaos-cluster.ts";
import type { Fault, Trial } from "../support/fault.ts";
import { processesWith, untilNothing } from "../support/machine.ts";
import { assertNothingIsLeft, findCommands } from "../support/oracle.ts";
import { Work } from "../support/work.ts";

const lostAfterMs = lostAfterUs / 1_000;

/** Nobody is to blame for a silence that was ours: no worker is lost, nothing runs again. */
async function stopController(cluster: ChaosCluster, work: Work, trial: Trial): Promise<void> {
  await work.launch({ script: "sleep 0.5", replicas: 20 });
  cluster.controller.kill("SIGSTOP");
  await pause(trial.isSoak ? lostAfterMs + trial.random.below(10_000) : 5_000);
  cluster.controller.kill("SIGCONT");
  trial.injected();
  await work.settleAndAudit({ onceEach: true });
}

/**
 * Its work is done elsewhere meanwhile, and what it says of it later counts for nothing: the
 * command that it still runs is ended, and exactly one of the two is done.
 */
async function stopAgent(cluster: ChaosCluster, work: Work, trial: Trial): Promise<void> {
  const go = cluster.path(`go-${trial.faults}`);
  const held = await work.launch({
    script: `while [ ! -e ${go} ]; do sleep 0.05; done`,
    constraints: [{ key: "place", op: "=", values: ["w-0"], mode: "PREFERRED" }],
  });
  await work.untilBegun(held);
  assert.equal((await held.job.tasks())[0].workerId, "w-0");
  await work.launch({ script: "sleep 0.2", replicas: 8 });
  cluster.worker(0).kill("SIGSTOP");
  const stoppedAtMs = performance.now();
  trial.injected();
  await untilLost(cluster, "w-0");
  trial.measured("lost after, ms", performance.now() - stoppedAtMs);
  await untilNothing("it does not begin again", () => needBegun(work, held.name), 10_000);
  await pause(trial.isSoak ? trial.random.below(5_000) : 0);
  cluster.worker(0).kill("SIGCONT");
  const goesOnAtMs = performance.now();
  const stale = (): readonly string[] =>
    processesWith(cluster.workDir(0))
      .filter(({ command }) => command.includes(go))
      .map(({ command }) => command);
  assert.equal(stale().length, 1, "the stale holder is there when its agent goes on");
  await untilNothing("the stale holder runs on", stale, 20_000);
  trial.measured("stale holder fenced, ms", performance.now() - goesOnAtMs);
  writeFileSync(go, "");
  await work.settleAndAudit();
  const { begun, done } = work.effectsOf(held.name, 0);
  assert.deepEqual(done, begun.slice(1), "the second owner alone finishes");
}

function needBegun(work: Work, name: string): readonly string[] {
  const { begun } = work.effectsOf(name, 0);
  return begun.length === 2 ? [] : [`began ${begun.length} times`];
}

async function untilLost(cluster: ChaosCluster, workerId: string): Promise<void> {
  const look = async (): Promise<readonly string[]> => {
    const workers = await cluster.client.workers();
    const worker = workers.find((each) => each.workerId === workerId);
    return worker?.state === "LOST" ? [] : [`${workerId} is ${worker?.state}`];
  };
  await untilNothing("a silent worker is not lost", look, lostAfterMs + 5_000);
}

/** One goes on as if nothing had been; one never does, and can be ended all the same. */
async function stopCommands(cluster: ChaosCluster, work: Work, trial: Trial): Promise<void> {
  const goesOn = await work.launch({ script: "sleep 0.4", replicas: 2 });
  await work.untilBegun(goesOn);
  const pids = commandPids(cluster);
  for (const pid of pids) signal(pid, "SIGSTOP");
  await pause(1_000);
  for (const pid of pids) signal(pid, "SIGCONT");
  await work.settleAndAudit({ onceEach: true });
  const stuck = await work.launch({ script: "sleep 600", grace: 200 });
  await work.untilBegun(stuck);
  for (const pid of commandPids(cluster)) signal(pid, "SIGSTOP");
  trial.injected(2);
  await stuck.job.cancel();
  const { state } = await stuck.job.wait({ timeoutMs: 20_000 });
  assert.equal(state, "KILLED");
  work.acknowledged.length = 0;
}

function commandPids(cluster: ChaosCluster): readonly number[] {
  return findCommands(cluster.directory).map((line) => Number(line.split(" ")[1]));
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It ended in the meantime, as short commands do.
  }
}

export const stoppedProcesses: Fault = {
  id: "R4",
  title: "who stands still for longer than his lease owns nothing when he goes on",
  rounds: { test: 1, soak: 10 },
  obstacle: () => "",
  run: async (trial) => {
    await using cluster = await ChaosCluster.start();
    const work = new Work(cluster);
    for (let round = 0; round < trial.rounds; round++) {
      for (const stop of [stopController, stopAgent, stopCommands]) {
        await stop(cluster, work, trial);
        await assertNothingIsLeft(cluster.client, cluster.directory);
      }
    }
  },
};
