/**
 * R17: commands that write as much as they can: binary, one endless line, a million short lines.
 *
 * @module
 */

import assert from "node:assert/strict";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import {
  logLastSegmentsMax,
  logPieceBytesMax,
  logSegmentBytesMax,
} from "../../../src/shell/launcher/limits.ts";
import { measureMemory } from "../../../src/shell/launcher/process-table.ts";
import { ChaosCluster } from "../support/chaos-cluster.ts";
import type { Fault, Trial } from "../support/fault.ts";
import { firstObstacle, needPrograms, processesWith } from "../support/machine.ts";
import { assertNothingIsLeft } from "../support/oracle.ts";
import { type AcknowledgedJob, Work } from "../support/work.ts";

const mebibyte = 1024 * 1024;
const soakMebibytes = 1_024;
const testMebibytes = 96;

/** A few pieces longer than the bound on segments allows: the last write is whole. */
const logBytesMax = (logLastSegmentsMax + 1) * (logSegmentBytesMax + 16 * logPieceBytesMax);

/** What a flood may add to the processes that read it. */
const growthBytesMax = 96 * mebibyte;

/** Each writes at least so many MiB and then ends with 3. */
const floods: readonly ((mebibytes: number) => string)[] = [
  (mebibytes) => `head -c ${mebibytes}M /dev/urandom`,
  (mebibytes) => `head -c ${mebibytes}M /dev/zero | tr '\\0' x`,
  (mebibytes) => `yes '' | head -n ${mebibytes * 20_000}`,
  (mebibytes) => `yes 'a line of a program that says far too much' | head -c ${mebibytes}M >&2`,
];

async function flood(cluster: ChaosCluster, work: Work, trial: Trial): Promise<void> {
  const mebibytes = trial.isSoak ? soakMebibytes : testMebibytes;
  for (const script of floods) {
    const startedAtMs = performance.now();
    const before = memoryOf(cluster);
    const options = { maxRetriesFailure: 0, script: `${script(mebibytes)}; exit 3` };
    const flooding = await work.launch(options);
    const status = await flooding.job.wait({ timeoutMs: 240_000 });
    trial.injected();
    trial.measured("flood, ms", performance.now() - startedAtMs);
    assert.equal(status.state, "FAILED", JSON.stringify(status.error));
    const [{ attempts }] = await flooding.job.tasks();
    assert.deepEqual(
      attempts.map(({ exitCode }) => exitCode),
      [3],
      "its status is not lost",
    );
    const growth = memoryOf(cluster) - before;
    trial.measured("growth of agent and launcher, KiB", growth / 1_024);
    assert.ok(growth <= growthBytesMax, `${growth} bytes more`);
    await assertLogIsBounded(cluster, flooding, trial);
  }
  work.acknowledged.length = 0;
}

/** The largest that the agent and the launcher have ever been, together. */
function memoryOf(cluster: ChaosCluster): number {
  return processesWith(cluster.workDir(0))
    .filter(({ command }) => /\/(?:worker|launcher)-entry\.ts /.test(command))
    .reduce((sum, { pid }) => sum + (measureMemory(pid)?.peakBytes ?? 0), 0);
}

async function assertLogIsBounded(
  cluster: ChaosCluster,
  { job }: AcknowledgedJob,
  trial: Trial,
): Promise<void> {
  const bytes = largestLog(cluster.workDir(0));
  trial.measured("kept of a log, KiB", bytes / 1_024);
  assert.ok(bytes > 0 && bytes <= logBytesMax, `${bytes} bytes of log`);
  const tail: string[] = [];
  for await (const { text } of job.logs({ tail: 5 })) tail.push(text);
  assert.ok(tail.length > 0, "its end can be read");
}

/** Bytes in the directory that has the most segments' bytes below `directory`. */
function largestLog(directory: string): number {
  const sizes = new Map<string, number>();
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.parentPath.includes("log")) continue;
    const size = statSync(join(entry.parentPath, entry.name)).size;
    sizes.set(entry.parentPath, (sizes.get(entry.parentPath) ?? 0) + size);
  }
  return Math.max(0, ...sizes.values());
}

export const outputFlood: Fault = {
  id: "R17",
  title: "a flood of output costs bounded memory and disk, and no exit status",
  rounds: { test: 1, soak: 2 },
  obstacle: () => firstObstacle(needPrograms("head", "tr", "yes")),
  run: async (trial) => {
    await using cluster = await ChaosCluster.start({ workers: 1 });
    const work = new Work(cluster);
    for (let round = 0; round < trial.rounds; round++) {
      await flood(cluster, work, trial);
      await assertNothingIsLeft(cluster.client, cluster.directory);
    }
  },
};
