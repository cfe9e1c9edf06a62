/**
 * R7: a disk is full: of the journal, of the work directories, under a log that is being written.
 *
 * @module
 */

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { ExitStatus } from "../../../src/backends/child.ts";
import type { WorkerView } from "../../../src/cli/responses.ts";
import { CapstanError, type Client, type Job } from "../../../src/client/index.ts";
import { openCallsMax } from "../../../src/shell/controller-process/limits.ts";
import { diskFreeBytesMin } from "../../../src/shell/journal/limits.ts";
import { ChaosCluster } from "../support/chaos-cluster.ts";
import type { Fault, Trial } from "../support/fault.ts";
import { untilNothing } from "../support/machine.ts";
import { assertNothingIsLeft } from "../support/oracle.ts";
import { SmallDisk, smallDiskObstacle } from "../support/small-disk.ts";
import { Work } from "../support/work.ts";

const mebibyte = 1024 * 1024;
const journalDiskMebibytes = 256;
const workDiskMebibytes = 320;

/** Of a job that fills the journal soon; more than a variable may have is refused. */
const fatCharacters = 100_000;
const crowdClients = 5;

/** Room for what was accepted, none for more: refused with a reason, and taken again later. */
async function fillNearly(cluster: ChaosCluster, work: Work, disk: SmallDisk): Promise<void> {
  await work.launch({ script: "sleep 1.5", replicas: 8 });
  disk.fill(diskFreeBytesMin - mebibyte);
  await untilNothing("new work is not refused", () => findAcceptance(cluster), 10_000);
  // What was accepted before goes on to its end all the same.
  await work.settleAndAudit({ onceEach: true });
  disk.free();
  await work.launchWhenTaken({ script: "sleep 0.1" });
  await work.settleAndAudit({ onceEach: true });
}

/** Nothing if new work is refused for the disk, else what is said instead. */
async function findAcceptance({ client }: ChaosCluster): Promise<readonly string[]> {
  const request = { name: `probe-${randomUUID()}`, command: { argv: ["true"] } };
  try {
    return [`accepted: ${JSON.stringify(await client.call("LaunchJob", request))}`];
  } catch (error) {
    const { code, message } = error as CapstanError;
    return code === "OVERLOADED" && /disk/.test(message) ? [] : [`${code}: ${message}`];
  }
}

/**
 * Not a byte is free, and more than the log has room for is to be written down in one go. It is not
 * acknowledged: the controller ends, and comes back with all that it had acknowledged.
 */
async function fillWholly(cluster: ChaosCluster, work: Work, disk: SmallDisk): Promise<void> {
  const clients = await Promise.all(Array.from({ length: crowdClients }, () => cluster.connect()));
  const { controller } = cluster;
  const acknowledged: Job[] = [];
  const launches: Promise<void>[] = [];
  let ended: ExitStatus | null = null;
  for (let tries = 0; ended === null && tries < 10; tries++) {
    await work.launchWhenTaken();
    controller.kill("SIGSTOP"); // So that it finds all of it at once when it goes on.
    disk.fill();
    for (const client of clients) launches.push(...launchFatJobs(client, acknowledged));
    await pause(300);
    controller.kill("SIGCONT");
    ended = await keepFull(disk, controller.exited);
    disk.free(); // If it lives, it has found the disk full before it accepted anything.
  }
  assert.equal(ended?.exitCode, 74, cluster.readLog().slice(-2_000));
  await Promise.all(launches);
  await cluster.startController();
  for (const job of acknowledged) await job.wait({ timeoutMs: 60_000, throwOnFailure: true });
  await work.settleAndAudit({ onceEach: true });
}

/**
 * Until the controller has ended, or for a while. Takes the reserve too, which the controller gives
 * back when it finds the disk full.
 */
async function keepFull(disk: SmallDisk, exited: Promise<ExitStatus>): Promise<ExitStatus | null> {
  const deadline = performance.now() + 2_500;
  for (;;) {
    disk.fill();
    const ended = await Promise.race([exited, pause(1, null)]);
    if (ended !== null || performance.now() > deadline) return ended;
  }
}

/** As many as one client may have open, by plain calls: asked once, and nothing before it. */
function launchFatJobs(client: Client, acknowledged: Job[]): readonly Promise<void>[] {
  const env = { BALLAST: "x".repeat(fatCharacters) };
  return Array.from({ length: openCallsMax }, async () => {
    const name = `fat-${randomUUID()}`;
    try {
      await client.call("LaunchJob", { name, command: { argv: ["true"], env } });
      acknowledged.push(client.job(name));
    } catch (error) {
      if (!(error instanceof CapstanError && error.retryable)) throw error;
    }
  });
}

async function fillJournal(trial: Trial, directory: string): Promise<void> {
  using disk = new SmallDisk(join(directory, "journal"), journalDiskMebibytes);
  const dataDir = join(disk.path, "data");
  const logFile = join(disk.path, "log");
  await using cluster = await ChaosCluster.start({ workers: 1, logFile, controller: { dataDir } });
  const work = new Work(cluster);
  await fillNearly(cluster, work, disk);
  await fillWholly(cluster, work, disk);
  trial.injected(2);
  await assertNothingIsLeft(cluster.client, cluster.directory);
}

/** The worker says that its disk is full and gets nothing new; one with room does the work. */
async function fillWorkDirectory(trial: Trial, directory: string): Promise<void> {
  using disk = new SmallDisk(join(directory, "work"), workDiskMebibytes);
  await using cluster = await ChaosCluster.start({
    logFile: join(disk.path, "log"),
    worker: (index) => (index === 0 ? { workDir: join(disk.path, "w") } : {}),
  });
  const work = new Work(cluster);
  const chatty = await work.launch({
    script: "i=0; while [ $i -lt 60 ]; do echo $i; i=$((i + 1)); sleep 0.1; done",
    constraints: [{ key: "place", op: "=", values: ["w-0"] }],
  });
  await work.untilBegun(chatty);
  disk.fill();
  trial.injected();
  await untilState(cluster, "UNUSABLE");
  const before = work.acknowledged.length;
  const elsewhere = await work.launch({ script: "sleep 0.1", replicas: 4 });
  assert.equal(work.acknowledged.length, before + 1);
  await elsewhere.job.wait({ timeoutMs: 30_000, throwOnFailure: true });
  const places = (await elsewhere.job.tasks()).map(({ workerId }) => workerId);
  assert.ok(!places.includes("w-0"), `nothing new goes to the full disk: ${places}`);
  disk.free();
  await untilState(cluster, "HEALTHY");
  await work.settleAndAudit({ onceEach: true });
  await assertNothingIsLeft(cluster.client, cluster.directory);
}

async function untilState(cluster: ChaosCluster, state: string): Promise<void> {
  const look = async (): Promise<readonly string[]> => {
    const workers = (await cluster.client.workers()) as unknown as readonly WorkerView[];
    const full = workers.find(({ workerId }) => workerId === "w-0");
    return full?.state === state ? [] : [`w-0 is ${full?.state}: ${full?.stateReason}`];
  };
  await untilNothing(`w-0 is not ${state}`, look, 20_000);
}

/** Waits for all, also if one fails: the other still uses its disk. */
async function allOver(works: readonly Promise<void>[]): Promise<void> {
  await Promise.allSettled(works);
  await Promise.all(works);
}

export const diskFull: Fault = {
  id: "R7",
  title: "a full disk refuses new work with a reason and forgets nothing it acknowledged",
  rounds: { test: 1, soak: 10 },
  obstacle: smallDiskObstacle,
  run: async (trial) => {
    const directory = mkdtempSync(join(tmpdir(), "capstan-disk-"));
    try {
      for (let round = 0; round < trial.rounds; round++) {
        await allOver([fillJournal(trial, directory), fillWorkDirectory(trial, directory)]);
      }
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  },
};
