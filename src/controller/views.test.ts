/**
 * How the API writes what the kernel counts.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatTime } from "./views.ts";

test("a time is written as everybody writes it, and none as null", () => {
  const whole = fc.integer({ min: 1, max: Date.UTC(2254, 11, 31) });
  const leapDays = fc.integer({ min: 1, max: 284 }).map((n) => Date.UTC(1970 + n, 1, 28 + (n % 3)));
  const isAsJavaScriptHasIt = (ms: number) =>
    assert.equal(formatTime(ms * 1000 + 999), new Date(ms).toISOString());
  fc.assert(fc.property(fc.oneof(whole, leapDays), isAsJavaScriptHasIt));
  for (const year of [1970, 1972, 1999, 2000, 2024, 2100]) {
    for (let month = 0; month < 12; month++) isAsJavaScriptHasIt(Date.UTC(year, month, 1, 12) + 1);
  }
  isAsJavaScriptHasIt(Date.UTC(2000, 1, 29, 12)); // The last day of its four centuries.
  assert.equal(formatTime(0), null);
});
