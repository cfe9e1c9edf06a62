/**
 * R1: the controller is killed at a random instant while jobs are being launched, and starts again
 * on its journal.
 *
 * @module
 */

import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { ChaosCluster } from "../support/chaos-cluster.ts";
import type { Fault, Trial } from "../support/fault.ts";
import { assertNothingIsLeft } from "../support/oracle.ts";
import { Work } from "../support/work.ts";

/**
 * After it serves again; a machine that is busy needs longer for everything, so the time that the
 * process took to start is added.
 */
const schedulingAgainMsMax = 1_000;

async function killOnce(cluster: ChaosCluster, work: Work, trial: Trial): Promise<void> {
  const { random } = trial;
  const load = work.keepLaunching(random);
  await pause(100 + random.below(trial.isSoak ? 2_000 : 500));
  await work.launch({ script: "sleep 0.3", replicas: 16 });
  await pause(random.below(200));
  await cluster.killController();
  trial.injected();
  await pause(random.below(200));
  const startedAtMs = Date.now();
  await cluster.startController();
  const servesAgainMs = Date.now() - startedAtMs;
  await load.stop();
  const attempts = await work.settleAndAudit({ onceEach: true });
  const assigned = attempts.map(({ assignedAt }) => Date.parse(String(assignedAt)));
  const first = Math.min(...assigned.filter((at) => at >= startedAtMs));
  trial.measured("serving again, ms", servesAgainMs);
  trial.measured("scheduling again, ms", first - startedAtMs);
  const afterServingMs = first - startedAtMs - servesAgainMs;
  trial.measured("from serving to scheduling, ms", afterServingMs);
  assert.ok(
    afterServingMs <= schedulingAgainMsMax + servesAgainMs,
    `served after ${servesAgainMs} ms, scheduled ${afterServingMs} ms later`,
  );
}

export const controllerKilled: Fault = {
  id: "R1",
  title: "a controller that is killed loses nothing it acknowledged and repeats nothing",
  rounds: { test: 3, soak: 100 },
  obstacle: () => "",
  run: async (trial) => {
    await using cluster = await ChaosCluster.start();
    const work = new Work(cluster);
    for (let round = 0; round < trial.rounds; round++) {
      await killOnce(cluster, work, trial);
      await assertNothingIsLeft(cluster.client, cluster.directory);
    }
  },
};
