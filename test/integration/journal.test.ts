/**
 * The journal on a real disk, with real processes.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, it } from "node:test";
import { CapstanError } from "../../src/model/errors.ts";
import { type Journal, type JournalNotice, openJournal } from "../../src/shell/journal/journal.ts";
import {
  diskFreeBytesMin,
  diskFreeBytesResume,
  quickCommitsInRowMax,
  walCheckpointPages,
} from "../../src/shell/journal/limits.ts";
import { aFact, foldKernel, type ToyFact, type ToyState } from "./journal-fixtures/toy-kernel.ts";

const foldModule = new URL("./journal-fixtures/toy-kernel.ts", import.meta.url);

let dataDir = "";
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "capstan-journal-"));
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

function facts(from: number, to: number): ToyFact[] {
  return Array.from({ length: to - from + 1 }, (_, i) => aFact(from + i));
}

function folded(all: readonly ToyFact[]): ToyState {
  const state = foldKernel.newState();
  for (const fact of all) foldKernel.apply(state, fact);
  return state;
}

async function durable(journal: Journal<ToyFact>, sequence: number): Promise<void> {
  while (journal.durableSequence < sequence) {
    await new Promise<void>((resolve, reject) => {
      journal.onDurable = () => resolve();
      journal.onFailure = reject;
    });
  }
}

/** Opens, hands in facts, waits until they are durable, closes. */
async function journaled(all: readonly ToyFact[]): Promise<void> {
  const journal = await openJournal<ToyFact>({ dataDir });
  for (const [i, fact] of all.entries()) journal.append([fact], 1000 + i);
  await durable(journal, all.length);
  await journal.close();
}

function damage(statement: string): void {
  const database = new DatabaseSync(join(dataDir, "journal.sqlite"));
  database.exec(statement);
  database.close();
}

async function refusedRestore(): Promise<CapstanError> {
  const journal = await openJournal<ToyFact>({ dataDir });
  try {
    journal.restore(foldKernel);
  } catch (error) {
    assert.ok(error instanceof CapstanError);
    return error;
  } finally {
    await journal.close();
  }
  throw new Error("the damaged journal was restored");
}

describe("a journal in a data directory", () => {
  it("has its log at full length from the start, so that no commit makes it longer", async () => {
    const log = join(dataDir, "journal.sqlite-wal");
    const sizes: number[] = [];
    const journal = await openJournal<ToyFact>({ dataDir });
    sizes.push(statSync(log).size);
    for (const [i, fact] of facts(1, 50).entries()) {
      journal.append([fact], 1000 + i);
      await durable(journal, i + 1);
    }
    sizes.push(statSync(log).size);
    await journal.close();
    assert.ok(sizes[0] >= walCheckpointPages * 4096, `${sizes[0]} bytes`);
    assert.equal(sizes[1], sizes[0]);
  });

  it("gives back the fold of what was handed in, with its last time", async () => {
    await journaled(facts(1, 300));
    const journal = await openJournal<ToyFact>({ dataDir });
    const restored = journal.restore(foldKernel);
    assert.deepEqual(restored.state, folded(facts(1, 300)));
    assert.equal(restored.at, 1299);
    assert.equal(journal.sequence, 300);
    await journal.close();
  });

  it("says durable in order, never before the facts are in the file", async () => {
    const journal = await openJournal<ToyFact>({ dataDir });
    const reader = new DatabaseSync(join(dataDir, "journal.sqlite"), { readOnly: true });
    const said: number[] = [];
    const done = new Promise<void>((resolve) => {
      journal.onDurable = (sequence) => {
        said.push(sequence);
        const row = reader.prepare("SELECT max(last) AS last FROM commits").get();
        assert.ok(Number(row?.last) >= sequence);
        if (sequence === 1200) resolve();
      };
    });
    journal.append(facts(1, 1000), 1); // Too much for the loop: the thread has something to do.
    for (let i = 1001; i <= 1200; i++) journal.append([aFact(i)], i);
    assert.equal(journal.durableSequence, 0);
    await done;
    assert.deepEqual(
      said,
      said.toSorted((a, b) => a - b),
    );
    const rows = reader.prepare("SELECT count(*) AS rows FROM commits").get();
    assert.equal(rows?.rows, said.length);
    assert.ok(said.length < 20, `200 turns took ${said.length} commits: no group commit`);
    reader.close();
    await journal.close();
  });

  it("makes small commits durable at once, and leaves one in so many to the thread", async () => {
    const journal = await openJournal<ToyFact>({ dataDir });
    const heard = new Promise<number>((resolve) => {
      journal.onDurable = resolve;
    });
    let quick = 0;
    while (journal.durableSequence === quick) journal.append([aFact(++quick)], quick);
    assert.ok(quick > 1 && quick - 1 <= quickCommitsInRowMax);
    assert.equal(await heard, quick);
    await journal.close();
    const again = await openJournal<ToyFact>({ dataDir });
    assert.deepEqual(again.restore(foldKernel).state, folded(facts(1, quick)));
    await again.close();
  });

  it("has one cluster id for ever and a new epoch at every open", async () => {
    const first = await openJournal({ dataDir });
    await first.close();
    const second = await openJournal({ dataDir });
    assert.equal(second.clusterId, first.clusterId);
    assert.deepEqual([first.epoch, second.epoch], [1, 2]);
    await second.close();
  });

  it("refuses a second controller and names the process that has it", async () => {
    const journal = await openJournal({ dataDir });
    await assert.rejects(openJournal({ dataDir }), (error: unknown) => {
      assert.ok(error instanceof CapstanError);
      assert.equal(error.code, "DATA_DIRECTORY_IN_USE");
      assert.match(error.message, new RegExp(`process ${process.pid}: stop that controller`));
      return true;
    });
    await journal.close();
    await (await openJournal({ dataDir })).close();
  });

  it("appends nothing once another epoch is in the file, and says so once", async () => {
    const journal = await openJournal<ToyFact>({ dataDir });
    damage("UPDATE meta SET value = '99' WHERE name = 'epoch'");
    const failed = new Promise<CapstanError>((resolve) => {
      journal.onFailure = resolve;
    });
    journal.onDurable = () => assert.fail("fenced facts were called durable");
    journal.append([aFact(1)], 1);
    assert.equal((await failed).code, "STALE_EPOCH");
    journal.append([aFact(2)], 2);
    await journal.close();
    const reader = new DatabaseSync(join(dataDir, "journal.sqlite"), { readOnly: true });
    assert.equal(reader.prepare("SELECT count(*) AS n FROM commits").get()?.n, 0);
    reader.close();
  });

  it("refuses a commit that does not match its checksum, naming facts and remedy", async () => {
    await journaled(facts(1, 5));
    damage("UPDATE commits SET blob = zeroblob(length(blob)) WHERE last = 5");
    const error = await refusedRestore();
    assert.equal(error.code, "DISK_FAILED");
    assert.match(error.message, /facts \d+ to 5 do not match their checksum\. Restore/);
  });

  it("refuses a journal in which a commit is missing", async () => {
    for (const from of [1, 4]) {
      const journal = await openJournal<ToyFact>({ dataDir });
      journal.append(facts(from, from + 2), from);
      await journal.close();
    }
    damage("DELETE FROM commits WHERE first = 1");
    assert.match((await refusedRestore()).message, /facts 1 to 3 are missing/);
  });

  it("refuses a file that is not a journal of this format", async () => {
    await journaled(facts(1, 1));
    damage("UPDATE meta SET value = '7' WHERE name = 'format'");
    await assert.rejects(openJournal({ dataDir }), /format 7 and this version reads format 3/);
  });
});

describe("snapshots", () => {
  async function withSnapshot(): Promise<Journal<ToyFact>> {
    const journal = await openJournal<ToyFact>({ dataDir, foldModule, snapshotAfterCommits: 3 });
    const written = new Promise<JournalNotice>((resolve) => {
      journal.onNotice = resolve;
    });
    for (let n = 1; n <= 5; n++) {
      journal.append([aFact(n)], n);
      await durable(journal, n);
    }
    const notice = await written;
    assert.equal(notice.type, "snapshot-written");
    return journal;
  }

  /** What is in the file: `3 6 | 4`, the snapshots and the first fact that has a commit. */
  function kept(): string {
    const reader = new DatabaseSync(join(dataDir, "journal.sqlite"), { readOnly: true });
    const snapshots = reader.prepare("SELECT sequence FROM snapshots ORDER BY sequence").all();
    const first = reader.prepare("SELECT min(first) AS first FROM commits").get()?.first;
    reader.close();
    return `${snapshots.map(({ sequence }) => sequence).join(" ")} | ${first}`;
  }

  /** Goes on from fact 6 until the next snapshot is written. */
  async function untilNextSnapshot(journal: Journal<ToyFact>): Promise<void> {
    const written = new Promise<JournalNotice>((resolve) => {
      journal.onNotice = resolve;
    });
    const first = journal.sequence + 1;
    for (let n = first; n < first + 3; n++) {
      journal.append([aFact(n)], n);
      await durable(journal, n);
    }
    assert.equal((await written).type, "snapshot-written");
  }

  it("keep the one before them and all since: what is older is deleted", async () => {
    const journal = await withSnapshot();
    assert.deepEqual([kept(), journal.oldest?.sequence], ["3 | 1", 0]);
    await untilNextSnapshot(journal);
    const [first, second] = kept().split(" ");
    assert.equal(first, "3");
    assert.equal(kept(), `3 ${second} | 4`);
    assert.deepEqual(journal.oldest, { sequence: 3, at: 3 });
    await untilNextSnapshot(journal);
    assert.equal(journal.oldest?.sequence, Number(second));
    await journal.close();
  });

  it("and what came after them fold into the same state as all facts", async () => {
    await (await withSnapshot()).close();
    const journal = await openJournal<ToyFact>({ dataDir });
    const restored = journal.restore(foldKernel);
    assert.deepEqual(restored.state, folded(facts(1, 5)));
    assert.equal(restored.snapshotSequence, 3);
    await journal.close();
  });

  it("are refused when they do not match their hash", async () => {
    await (await withSnapshot()).close();
    damage("UPDATE snapshot_chunks SET blob = zeroblob(length(blob))");
    assert.match((await refusedRestore()).message, /snapshot 3 does not match its hash/);
  });
});

describe("a disk that is nearly full", () => {
  it("is announced, and new submits are taken again when space is back", async () => {
    let free = diskFreeBytesMin - 1;
    const notices: JournalNotice[] = [];
    const journal = await openJournal<ToyFact>({ dataDir, freeBytes: async () => free });
    assert.equal(journal.diskLow, true);
    journal.append([aFact(1)], 1);
    await durable(journal, 1); // What was accepted goes on.
    const recovered = new Promise<void>((resolve) => {
      journal.onNotice = (notice) => {
        notices.push(notice);
        resolve();
      };
    });
    free = diskFreeBytesResume;
    await recovered;
    assert.deepEqual(notices, [{ type: "disk-recovered", freeBytes: diskFreeBytesResume }]);
    assert.equal(journal.diskLow, false);
    await journal.close();
  });
});

describe("a journal in memory", () => {
  it("calls everything durable at once", async () => {
    const journal = await openJournal<ToyFact>();
    assert.equal(journal.append(facts(1, 3), 1), 3);
    assert.equal(journal.durableSequence, 3);
    await journal.close();
  });
});

describe("kill -9 of a process that journals", () => {
  async function appendUntilKilled(durableAtLeast: number): Promise<number> {
    const child = spawn(process.execPath, [
      "--disable-warning=ExperimentalWarning",
      new URL("./journal-fixtures/appending-process.ts", import.meta.url).pathname,
      dataDir,
    ]);
    child.stderr.pipe(process.stderr);
    let acknowledged = 0;
    for await (const line of createInterface({ input: child.stdout })) {
      if (line !== "open") acknowledged = Number(line);
      if (acknowledged >= durableAtLeast) child.kill("SIGKILL");
    }
    await ended(child);
    return acknowledged;
  }

  async function ended(child: ChildProcess): Promise<void> {
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  }

  it("loses nothing that was called durable, and lets go of the directory", async () => {
    for (let round = 0; round < 2; round++) {
      const acknowledged = await appendUntilKilled((round + 1) * 500);
      const journal = await openJournal<ToyFact>({ dataDir });
      const { state } = journal.restore(foldKernel);
      assert.ok(state.count >= acknowledged, `${state.count} of ${acknowledged} came back`);
      assert.deepEqual(state, folded(facts(1, state.count)));
      await journal.close();
    }
  });
});
