/**
 * Rules of the pace at which a job is followed.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { logLinesMax } from "../shell/api/limits.ts";
import { followUntilEnded } from "./follow.ts";

/** Slow enough that a pause of four times as much is longer than any test should take. */
const slowMs = 1_000;

test("whole pages of lines are read one behind the other, however long each takes", async () => {
  let pulls = 0;
  const startedMs = Date.now();
  await followUntilEnded({
    look: async () => pulls === 2,
    pull: async () => {
      pulls++;
      await sleep(slowMs);
      return logLinesMax;
    },
  });
  assert.equal(pulls, 3, "and once more at the end");
  assert.ok(Date.now() - startedMs < 3 * slowMs + 2_000, "there is no rest between them");
});

test("the end is seen while lines that took long to fetch rest", async () => {
  let looks = 0;
  let pulls = 0;
  const startedMs = Date.now();
  await followUntilEnded({
    look: async () => ++looks === 5,
    pull: async () => {
      pulls++;
      if (pulls === 1) await sleep(slowMs);
      return 0;
    },
  });
  assert.equal(pulls, 2, "the first, and the one after the end");
  assert.ok(Date.now() - startedMs < 3 * slowMs, "four times the pull were not waited for");
});
