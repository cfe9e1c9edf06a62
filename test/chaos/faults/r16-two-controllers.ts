/**
 * R16: several controllers are started on one data directory at the same instant, again and again,
 * and the one that serves is killed in between.
 *
 * @module
 */

import assert from "node:assert/strict";
import { ChaosCluster } from "../support/chaos-cluster.ts";
import { ChaosProcess, StartRefused } from "../support/chaos-process.ts";
import type { Fault } from "../support/fault.ts";
import { assertNothingIsLeft } from "../support/oracle.ts";
import { Work } from "../support/work.ts";

const rivals = 3;

/** Starts one more on the same directory, on a port of its own. */
async function startRival(cluster: ChaosCluster): Promise<void> {
  const settings = { listen: "127.0.0.1:0", dataDir: cluster.dataDir };
  const logFile = cluster.path("rival-log");
  const rival = await ChaosProcess.start({ entry: "controller", settings, logFile });
  await rival.killHard();
}

export const twoControllers: Fault = {
  id: "R16",
  title: "of all controllers on one data directory one serves, and the others say who",
  rounds: { test: 2, soak: 20 },
  obstacle: () => "",
  run: async (trial) => {
    await using cluster = await ChaosCluster.start({ workers: 1 });
    const work = new Work(cluster);
    for (let round = 0; round < trial.rounds; round++) {
      await work.launch({ script: "sleep 0.2", replicas: 4 });
      const all = Array.from({ length: rivals }, () => startRival(cluster));
      for (const { status, reason } of await Promise.allSettled(all).then(withReasons)) {
        assert.equal(status, "rejected", "a second controller serves");
        assert.ok(reason instanceof StartRefused, String(reason));
        assert.equal(reason.status.exitCode, 4, reason.message);
        assert.match(reason.log, new RegExp(`DATA_DIRECTORY_IN_USE.*${cluster.controller.pid}`));
        trial.injected();
      }
      await cluster.killController();
      const startedAtMs = performance.now();
      await cluster.startController();
      trial.measured("taken over after a kill, ms", performance.now() - startedAtMs);
      await work.settleAndAudit({ onceEach: true });
      await assertNothingIsLeft(cluster.client, cluster.directory);
    }
  },
};

function withReasons(
  settled: readonly PromiseSettledResult<void>[],
): readonly { readonly status: string; readonly reason: unknown }[] {
  return settled.map((each) => ({
    status: each.status,
    reason: each.status === "rejected" ? each.reason : undefined,
  }));
}
