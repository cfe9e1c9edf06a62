/**
 * The order of queues by policy.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { agedAfterUs, expectedUsMin, lateAfterUs, lateAgedAfterUs } from "./limits.ts";
import { lateTurnRankOf, rankOf, turnRankOf } from "./queue-policy.ts";

const hour = 3_600_000_000;

test("under fair there is no order over all users", () => {
  assert.equal(rankOf("fair", { headOrder: 7, waitedUs: hour, expectedUs: hour }), 0);
  assert.equal(turnRankOf("fair", { headOrder: 7, waitedUs: 9 * hour, expectedUs: hour }), 0);
});

test("under fair nobody has a turn before it is late; after long the oldest has it", () => {
  const early = { headOrder: 1, waitedUs: lateAfterUs, expectedUs: hour };
  assert.equal(lateTurnRankOf(early), Number.POSITIVE_INFINITY);
  const late = { headOrder: 9, waitedUs: lateAfterUs + 1, expectedUs: hour };
  const lateAndLong = { ...late, headOrder: 8, expectedUs: 9 * hour };
  assert.ok(lateTurnRankOf(late) < lateTurnRankOf(lateAndLong));
  const aged = { headOrder: 3, waitedUs: lateAgedAfterUs + 1, expectedUs: 100 * hour };
  const older = { ...aged, headOrder: 2 };
  assert.ok(lateTurnRankOf(aged) < lateTurnRankOf(late));
  assert.ok(lateTurnRankOf(older) < lateTurnRankOf(aged));
});

test("under fifo who came first goes first, however long it runs", () => {
  const early = rankOf("fifo", { headOrder: 1, waitedUs: 0, expectedUs: 100 * hour });
  const late = rankOf("fifo", { headOrder: 2, waitedUs: 0, expectedUs: 1 });
  assert.ok(early < late);
});

test("under slowdown who waits longest for how long it runs goes first", () => {
  const short = rankOf("slowdown", { headOrder: 2, waitedUs: hour, expectedUs: hour });
  const long = rankOf("slowdown", { headOrder: 1, waitedUs: 2 * hour, expectedUs: 10 * hour });
  assert.ok(short < long);
  const tiny = rankOf("slowdown", { headOrder: 4, waitedUs: hour, expectedUs: 1 });
  assert.equal(tiny, -(hour + 1) / expectedUsMin);
});

test("under slowdown the turn goes to the oldest of those that have waited too long", () => {
  const aged = { headOrder: 5, waitedUs: agedAfterUs + 1, expectedUs: 100 * hour };
  const older = { ...aged, headOrder: 4 };
  const urgent = { headOrder: 6, waitedUs: agedAfterUs, expectedUs: 1 };
  assert.ok(turnRankOf("slowdown", aged) < turnRankOf("slowdown", urgent));
  assert.ok(turnRankOf("slowdown", older) < turnRankOf("slowdown", aged));
  assert.ok(rankOf("slowdown", aged) > rankOf("slowdown", urgent), "only the turn, not the rest");
});
