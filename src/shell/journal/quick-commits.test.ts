/**
 * Which commits the loop makes itself.
 *
 * @module
 */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, it } from "node:test";
import { identify } from "./durable-journal.ts";
import { quickCommitBytesMax, quickCommitMsMax, quickCommitsInRowMax } from "./limits.ts";
import { QuickCommits } from "./quick-commits.ts";

const dataDir = mkdtempSync(join(tmpdir(), "capstan-quick-"));
after(() => rmSync(dataDir, { recursive: true, force: true }));

function onQuickCommits(check: (quick: QuickCommits) => void): void {
  const quick = new QuickCommits(dataDir, () => 0);
  try {
    check(quick);
  } finally {
    quick.close();
  }
}

it("a commit that is large is for the thread", () => {
  onQuickCommits((quick) => {
    assert.equal(quick.takes(quickCommitBytesMax), true);
    assert.equal(quick.takes(quickCommitBytesMax + 1), false);
  });
});

it("a disk that is slow on average is for the thread, until it is quick again", () => {
  onQuickCommits((quick) => {
    quick.onThreadCommit(100, 100 * quickCommitMsMax);
    assert.equal(quick.takes(100), false);
    for (let i = 0; i < 50; i++) quick.onThreadCommit(100, quickCommitMsMax / 2);
    assert.equal(quick.takes(100), true);
  });
});

it("how long a large commit took says nothing of small ones", () => {
  onQuickCommits((quick) => {
    quick.onThreadCommit(quickCommitBytesMax + 1, 1_000);
    assert.equal(quick.takes(100), true);
  });
});

it("after so many in a row one is for the thread", () => {
  const { epoch } = identify(dataDir);
  onQuickCommits((quick) => {
    let count = 0;
    while (quick.takes(8) && count < 2 * quickCommitsInRowMax) {
      count++;
      quick.write({ first: count, last: count, epoch, at: 0 }, new Uint8Array(8));
    }
    assert.equal(count, quickCommitsInRowMax);
    quick.onThreadCommit(8, 0);
    assert.equal(quick.takes(8), true);
  });
});

it("nothing is written under an epoch that is over", () => {
  const { epoch } = identify(dataDir);
  onQuickCommits((quick) => {
    const header = { first: 1_001, last: 1_001, epoch: epoch - 1, at: 0 };
    assert.throws(() => quick.write(header, new Uint8Array(8)), { code: "STALE_EPOCH" });
  });
});
