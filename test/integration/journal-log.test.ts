/**
 * A journal's write-ahead log that is torn, which is normal after a power cut, or damaged.
 *
 * @module
 */

import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { openJournal } from "../../src/shell/journal/journal.ts";
import { commitEnds, flipBit } from "../chaos/support/journal-image.ts";
import { aFact, foldKernel, type ToyFact } from "./journal-fixtures/toy-kernel.ts";

const commits = 20;
let directory = "";
let log: Buffer;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "capstan-log-"));
  await writeJournal(join(directory, "written"));
  log = readFileSync(join(directory, "copy", "journal.sqlite-wal"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** Commits one by one, and copies the open files, as a power cut would leave them. */
async function writeJournal(dataDir: string): Promise<void> {
  const journal = await openJournal<ToyFact>({ dataDir });
  for (let count = 1; count <= commits; count++) {
    journal.append([aFact(count)], count);
    if (journal.durableSequence === count) continue; // The loop made the commit itself.
    await new Promise<void>((resolve) => {
      journal.onDurable = () => resolve();
    });
  }
  cpSync(dataDir, join(directory, "copy"), { recursive: true });
  await journal.close();
}

/** Facts that come back with this log. */
async function recover(bytes: Buffer): Promise<number> {
  const dataDir = join(directory, "copy");
  writeFileSync(join(dataDir, "journal.sqlite-wal"), bytes);
  rmSync(join(dataDir, "journal.sqlite-shm"), { force: true });
  const journal = await openJournal<ToyFact>({ dataDir });
  try {
    return journal.restore(foldKernel).state.count;
  } finally {
    await journal.close();
  }
}

test("a last commit that is torn is left out, and all before it is there", async () => {
  const ends = commitEnds(log);
  const torn = Buffer.from(log);
  torn.fill(0, (ends.at(-1) ?? 0) - 100, ends.at(-1));
  assert.equal(await recover(torn), commits - 1);
});

test("a log whose last commit is whole comes back whole", async () => {
  assert.equal(await recover(log), commits);
});

for (const [what, offset] of [
  ["page", 1_000],
  ["checksum", -4_120 + 20],
  ["salt", -4_120 + 10],
] as const) {
  test(`a bit that turned in a ${what} before the last commit refuses the start`, async () => {
    const at = (commitEnds(log).at(-3) ?? 0) + offset;
    await assert.rejects(recover(flipBit(log, 8 * at)), {
      code: "DISK_FAILED",
      message: /the journal is damaged: frame \d+ of its log .* Restore journal\.sqlite/,
    });
  });
}

test("a bit that turned in the header of the log refuses the start", async () => {
  await assert.rejects(recover(flipBit(log, 8 * 17)), {
    code: "DISK_FAILED",
    message: /the header of its log does not match its checksum/,
  });
});
