/**
 * Backfill: only a proof lets anything into capacity that is held.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { certainStart, holdDuration, mayBackfill, type Running } from "./backfill.ts";
import { holdUsMax, holdUsMin } from "./limits.ts";

const never = Number.POSITIVE_INFINITY;
const amounts = (...values: number[]) => Float64Array.of(...values);

test("what is free already can start now", () => {
  assert.equal(certainStart(5, amounts(4, 2), [], amounts(4, 0), [0]), 5);
});

test("a start is certain when enough limits have passed, in the order of their ends", () => {
  const running = [
    { endsBy: 30, amounts: amounts(2) },
    { endsBy: 10, amounts: amounts(1) },
    { endsBy: 20, amounts: amounts(1) },
  ];
  assert.equal(certainStart(0, amounts(0), running, amounts(1), [0]), 10);
  assert.equal(certainStart(0, amounts(0), running, amounts(2), [0]), 20);
  assert.equal(certainStart(0, amounts(0), running, amounts(3), [0]), 30);
  assert.equal(certainStart(0, amounts(0), running, amounts(5), [0]), never);
});

test("what has no limit never proves a start", () => {
  const running = [{ endsBy: never, amounts: amounts(4) }];
  assert.equal(certainStart(0, amounts(0), running, amounts(1), [0]), never);
});

test("a start is never in the past, even if a limit is", () => {
  const running = [{ endsBy: 3, amounts: amounts(1) }];
  assert.equal(certainStart(7, amounts(0), running, amounts(1), [0]), 7);
});

test("a dimension that the host does not have is never free", () => {
  assert.equal(certainStart(0, amounts(9), [], amounts(1, 0, 1), [0, 2]), never);
});

const someRunning = fc.array(
  fc.record({
    endsBy: fc.oneof(fc.integer({ min: 1, max: 50 }), fc.constant(never)),
    amounts: fc.tuple(fc.nat(3), fc.nat(3)).map((values) => amounts(...values)),
  }),
  { maxLength: 8 },
);

test("the certain start is the first moment at which enough has ended", () => {
  const pair = fc.tuple(fc.integer({ min: -2, max: 4 }), fc.nat(4));
  fc.assert(
    fc.property(pair, someRunning, fc.tuple(fc.nat(4), fc.nat(4)), (free, running, wanted) => {
      const used = [0, 1].filter((index) => wanted[index] > 0);
      const fitsAt = (time: number) =>
        used.every((index) => freeAt(time, free, running, index) >= wanted[index]);
      const moments = [0, ...running.map(({ endsBy }) => endsBy).filter((time) => time < never)];
      const start = certainStart(0, amounts(...free), running, amounts(...wanted), used);
      assert.equal(start, Math.min(never, ...moments.filter(fitsAt)));
    }),
  );
});

function freeAt(
  time: number,
  free: readonly number[],
  running: readonly Running[],
  index: number,
): number {
  const ended = running.filter(({ endsBy }) => endsBy <= time);
  return ended.reduce((sum, one) => sum + one.amounts[index], free[index]);
}

test("only what is over before the hold is used may use it", () => {
  assert.equal(mayBackfill(100, 50, 10, 160), true);
  assert.equal(mayBackfill(100, 50, 10, 159), false);
});

test("without a limit, or without a certain start, nothing may use a hold", () => {
  assert.equal(mayBackfill(100, 0, 0, 1_000), false);
  assert.equal(mayBackfill(100, 1, 0, never), false);
});

test("a hold doubles with each expiry up to its bound", () => {
  assert.equal(holdDuration(0), holdUsMin);
  assert.equal(holdDuration(1), 2 * holdUsMin);
  assert.equal(holdDuration(5), 32 * holdUsMin);
  assert.equal(holdDuration(6), holdUsMax);
  assert.equal(holdDuration(1_000_000_000), holdUsMax);
});
