/**
 * R9: power cuts that take everything with them that was not synced, a journal that is cut at every
 * byte of its last commit, and bits that turn.
 *
 * @module
 */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { DoctorReport } from "../../../src/cli/responses.ts";
import { ChaosCluster } from "../support/chaos-cluster.ts";
import type { Fault, Trial } from "../support/fault.ts";
import {
  commitEnds,
  flipBit,
  type JournalImage,
  type Recovery,
  RecoveryBench,
  readImage,
} from "../support/journal-image.ts";
import { assertNothingIsLeft } from "../support/oracle.ts";
import { SyncShim, syncShimObstacle } from "../support/sync-shim.ts";
import { Work } from "../support/work.ts";

const recordsMin = { test: 500, soak: 2_000 } as const;

/** In a test; a soak cuts at every byte, and at every commit. */
const sampledCuts = 20;
const sampledCommits = 30;
const flips = { test: 30, soak: 500 } as const;

async function cutPower(
  cluster: ChaosCluster,
  shim: SyncShim,
  work: Work,
  trial: Trial,
): Promise<void> {
  const load = work.keepLaunching(trial.random);
  await pause(100 + trial.random.below(1_000));
  await cluster.killController();
  shim.loseUnsynced(cluster.dataDir);
  trial.injected();
  await cluster.startController({ env: shim.env });
  await load.stop();
  await work.settleAndAudit({ onceEach: true });
}

/** Runs until the journal has its records, and gives it as it is when the power goes. */
async function makeJournal(
  cluster: ChaosCluster,
  work: Work,
  least: number,
): Promise<JournalImage> {
  const records = async (): Promise<number> =>
    ((await cluster.client.call("GetDoctorReport")) as DoctorReport).journalSeq;
  while ((await records()) < least) {
    await work.launchMany(10, { replicas: 8 });
    await work.settleAndAudit({ onceEach: true });
  }
  // Some more commits, so that the log has many behind the last fold.
  for (let count = 0; count < 20; count++) await work.launch();
  await work.settleAndAudit({ onceEach: true });
  await cluster.killController();
  return readImage(cluster.dataDir);
}

class Damage {
  readonly #bench: RecoveryBench;
  readonly #image: JournalImage;
  readonly #hashAt: (sequence: number) => string;
  readonly #trial: Trial;
  readonly #whole: number;

  constructor(directory: string, image: JournalImage, trial: Trial) {
    this.#bench = new RecoveryBench(join(directory, "bench"));
    this.#image = image;
    this.#hashAt = this.#bench.hashesOf(image);
    this.#trial = trial;
    const whole = this.#bench.recover(image);
    assert.ok(whole.type === "recovered", JSON.stringify(whole));
    this.#whole = whole.sequence;
    trial.measured("records of the journal", whole.sequence);
  }

  /** Every commit that was wholly there before the cut, and nothing of the one that was cut. */
  cutLastCommit(): void {
    const { log, main } = this.#image;
    const ends = commitEnds(log);
    const start = ends.at(-2) ?? 0;
    const before = this.#recover({ main, log: log.subarray(0, start) });
    assert.ok(before.type === "recovered" && before.sequence < this.#whole);
    for (const at of this.#cutsIn(start, log.length)) {
      const short = this.#recover({ main, log: log.subarray(0, at) });
      assert.deepEqual(short, before, `the log is cut at byte ${at} of ${log.length}`);
      if (this.#trial.isSoak && at % 16 !== 0) continue;
      const torn = Buffer.from(log);
      torn.fill(0, at);
      assert.deepEqual(this.#recover({ main, log: torn }), before, `zeros from ${at} on`);
    }
  }

  /** Each commit's end: whatever prefix was durable, it is recovered to the last fact. */
  cutEveryCommit(): void {
    const { log, main } = this.#image;
    const ends = commitEnds(log).slice(this.#trial.isSoak ? 0 : -sampledCommits);
    const sequences = ends.map((end) => {
      const recovery = this.#recover({ main, log: log.subarray(0, end) });
      assert.ok(recovery.type === "recovered", JSON.stringify(recovery));
      this.#bench.fold(recovery.sequence);
      return recovery.sequence;
    });
    assert.deepEqual(
      sequences,
      sequences.toSorted((a, b) => a - b),
    );
    this.#trial.measured("commits in the log", sequences.length);
  }

  /** In the last commit it is a torn one; before it the start is refused. */
  flipInLog(count: number): void {
    const { log, main } = this.#image;
    const last = commitEnds(log).at(-2) ?? 0;
    for (let done = 0; done < count; done++) {
      const bit = this.#trial.random.below(8 * log.length);
      const found = this.#recover({ main, log: flipBit(log, bit) });
      const where = `bit ${bit % 8} of byte ${bit >> 3} of ${log.length}; ${JSON.stringify(found)}`;
      if (bit >> 3 < last) assert.equal(found.type, "refused", `facts are dropped: ${where}`);
      if (found.type === "refused") assert.match(found.message, /journal is damaged/, where);
    }
  }

  /** Refused, or nothing is missing. */
  flipInMain(count: number): void {
    const { main } = this.#image;
    let refused = 0;
    for (let done = 0; done < count; done++) {
      const bit = this.#trial.random.below(8 * main.length);
      const found = this.#recover({ ...this.#image, main: flipBit(main, bit) });
      if (found.type === "refused") refused++;
      else {
        const where = `bit ${bit % 8} of byte ${bit >> 3} of ${main.length}`;
        assert.equal(found.sequence, this.#whole, `facts are dropped: ${where}`);
      }
    }
    this.#trial.measured(
      "bits turned in the file that refuse the start, %",
      (100 * refused) / count,
    );
  }

  *#cutsIn(start: number, end: number): Iterable<number> {
    const step = this.#trial.isSoak ? 1 : Math.ceil((end - start) / sampledCuts);
    for (let at = start + 1; at < end; at += step) yield at;
  }

  /** What comes back must be what was there, whatever of it. */
  #recover(image: JournalImage): Recovery {
    const recovery = this.#bench.recover(image);
    this.#trial.injected();
    if (recovery.type === "recovered") {
      assert.equal(recovery.hash, this.#hashAt(recovery.sequence), `at ${recovery.sequence}`);
    }
    return recovery;
  }
}

export const unsyncedLoss: Fault = {
  id: "R9",
  title: "what was synced survives, what is torn is left out, what is damaged is refused",
  rounds: { test: 2, soak: 20 },
  obstacle: syncShimObstacle,
  run: async (trial) => {
    const directory = mkdtempSync(join(tmpdir(), "capstan-unsynced-"));
    try {
      const shim = new SyncShim(directory);
      await using cluster = await ChaosCluster.start({ controller: { env: shim.env } });
      const work = new Work(cluster);
      for (let round = 0; round < trial.rounds; round++) {
        await cutPower(cluster, shim, work, trial);
        await assertNothingIsLeft(cluster.client, cluster.directory);
      }
      const least = trial.isSoak ? recordsMin.soak : recordsMin.test;
      const image = await makeJournal(cluster, work, least);
      const damage = new Damage(directory, image, trial);
      const count = trial.isSoak ? flips.soak : flips.test;
      damage.cutLastCommit();
      damage.cutEveryCommit();
      damage.flipInLog(count);
      damage.flipInMain(count);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  },
};
