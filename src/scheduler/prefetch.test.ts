/**
 * How much work is sent ahead of need.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { prefetchMeanUsMax, prefetchPerShapeMax, prefetchWindowUs } from "./limits.ts";
import { prefetchDepth, smoothedMean } from "./prefetch.ts";

test("nothing is sent ahead where nothing of its shape runs", () => {
  assert.equal(prefetchDepth(0, 0), 0);
  assert.equal(prefetchDepth(0, 10), 0);
});

test("one for each that runs while their time is not known", () => {
  assert.equal(prefetchDepth(3, 0), 3);
});

test("the shorter the tasks, the more of them, up to the bound; none of long ones", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 64 }),
      fc.integer({ min: 1, max: 2e6 }),
      (granted, us) => {
        const depth = prefetchDepth(granted, us);
        assert.ok(depth >= prefetchDepth(granted, us + 1));
        assert.ok(depth <= prefetchPerShapeMax);
        assert.equal(depth === 0, us > prefetchMeanUsMax);
      },
    ),
  );
});

test("as many as their time fills the window, for each that runs", () => {
  assert.equal(prefetchDepth(2, prefetchWindowUs / 4), 8);
  assert.equal(prefetchDepth(2, prefetchWindowUs / 4 + 1), 8);
  assert.equal(prefetchDepth(1, prefetchMeanUsMax), 1);
});

test("a mean stays between what it was and what came, and reaches what keeps coming", () => {
  const us = fc.integer({ min: 1, max: 1e9 });
  fc.assert(
    fc.property(us, us, (before, next) => {
      const mean = smoothedMean(before, next);
      assert.ok(mean >= Math.min(before, next) && mean <= Math.max(before, next));
      assert.ok(Number.isInteger(mean));
    }),
  );
  let mean = 1_000_000;
  for (let i = 0; i < 200; i++) mean = smoothedMean(mean, 100);
  assert.ok(mean < 110, String(mean));
  assert.equal(smoothedMean(0, 0), 1);
  assert.equal(smoothedMean(0, 800), 800);
  assert.equal(smoothedMean(80, 0), 71);
});
