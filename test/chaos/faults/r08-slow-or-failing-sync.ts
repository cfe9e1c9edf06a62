/**
 * R8: the disk takes seconds for an fsync, or answers it with EIO. A failed sync has made pages
 * clean that are not on the disk, so it may never be asked for again.
 *
 * @module
 */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { ChaosCluster } from "../support/chaos-cluster.ts";
import type { Fault, Trial } from "../support/fault.ts";
import { assertNothingIsLeft } from "../support/oracle.ts";
import { type JournalFile, SyncShim, syncShimObstacle } from "../support/sync-shim.ts";
import { Work } from "../support/work.ts";

const log: JournalFile = "journal.sqlite-wal";
const main: JournalFile = "journal.sqlite";

/** More than are answered at once, so that some wait when the disk fails. */
const burstJobs = 40;

/** Enough of these and the log is folded into the file. */
const fatCharacters = 100_000;
const fatJobs = 70;

/** Everything takes its time, nobody is given up, nothing runs twice. */
async function syncSlowly(cluster: ChaosCluster, shim: SyncShim, trial: Trial): Promise<void> {
  const work = new Work(cluster, cluster.client, `slow-${trial.faults}`);
  shim.delay(log, trial.isSoak ? 5_000 : 1_000);
  trial.injected();
  const startedAtMs = performance.now();
  await work.launch({ script: "sleep 0.2", replicas: 6 });
  trial.measured("acknowledged with slow syncs, ms", performance.now() - startedAtMs);
  await work.launch({ script: "sleep 0.2", replicas: 6 });
  await pause(trial.isSoak ? 12_000 : 2_000);
  const workers = await cluster.client.workers();
  assert.deepEqual(
    workers.map(({ state }) => state),
    workers.map(() => "HEALTHY"),
  );
  shim.behave();
  await work.settleAndAudit({ onceEach: true });
}

/** The log fails: nothing is acknowledged from then on, and the sync is not tried again. */
async function failCommit(cluster: ChaosCluster, shim: SyncShim, trial: Trial): Promise<void> {
  const work = new Work(cluster, cluster.client, `fail-${trial.faults}`);
  await work.launch({ script: "sleep 1", replicas: 4 });
  const { exited } = cluster.controller;
  const failedAtMs = performance.now();
  shim.forget();
  shim.fail(log);
  trial.injected();
  const burst = work.launchMany(burstJobs, { script: "sleep 0.1" });
  assert.equal((await exited).exitCode, 74, cluster.readLog().slice(-3_000));
  trial.measured("ended after a failed sync, ms", performance.now() - failedAtMs);
  assert.equal(work.acknowledged.length, 1, "nothing is acknowledged that was not synced");
  assertNotTriedAgain(shim);
  shim.behave();
  shim.loseUnsynced(cluster.dataDir);
  await cluster.startController({ env: shim.env });
  await burst; // The client asks again, and once.
  await work.settleAndAudit({ onceEach: true });
}

/**
 * SQLite syncs the log once more as the process ends and closes it. That is of what was durable
 * before, and nobody is told of it; no commit comes after the failure.
 */
function assertNotTriedAgain(shim: SyncShim): void {
  const syncs = shim.syncs().filter((line) => line.endsWith(` ${log}`));
  const after = syncs.slice(syncs.indexOf(`failed ${log}`) + 1);
  assert.ok(after.length <= 1, `it is synced again: ${after}`);
}

/** The file behind the log fails: what was committed is still in the log. */
async function failFold(cluster: ChaosCluster, shim: SyncShim, trial: Trial): Promise<void> {
  const work = new Work(cluster, cluster.client, `fold-${trial.faults}`);
  shim.forget();
  shim.fail(main);
  trial.injected();
  const env = { BALLAST: "x".repeat(fatCharacters) };
  const { exited } = cluster.controller;
  const launches = work.launchMany(fatJobs, { env });
  await Promise.race([launches, exited]);
  assert.ok(shim.syncs().includes(`failed ${main}`), "the log was folded");
  await cluster.killController();
  shim.behave();
  shim.loseUnsynced(cluster.dataDir);
  await cluster.startController({ env: shim.env });
  await launches;
  await work.settleAndAudit({ onceEach: true });
}

export const slowOrFailingSync: Fault = {
  id: "R8",
  title: "a slow fsync delays, and after a failed one nothing is acknowledged or synced again",
  rounds: { test: 1, soak: 15 },
  obstacle: syncShimObstacle,
  run: async (trial) => {
    const directory = mkdtempSync(join(tmpdir(), "capstan-sync-"));
    try {
      const shim = new SyncShim(directory);
      await using cluster = await ChaosCluster.start({ controller: { env: shim.env } });
      for (let round = 0; round < trial.rounds; round++) {
        for (const misbehave of [syncSlowly, failCommit, failFold]) {
          await misbehave(cluster, shim, trial);
          await assertNothingIsLeft(cluster.client, cluster.directory);
        }
      }
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  },
};
