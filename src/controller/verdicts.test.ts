/**
 * How long a gang waits after a round that was returned.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { returnDelayUs } from "./verdicts.ts";

test("the wait of a gang doubles with each return in a row, up to a minute", () => {
  const waitMs = (returns: number) =>
    returnDelayUs({ returns, holdExpiries: 0, holdAgainAt: 0, members: new Map() }) / 1_000;
  assert.deepEqual(
    [0, 1, 2, 5, 6, 16, 17, 2_000].map(waitMs),
    [1_000, 2_000, 4_000, 32_000, 60_000, 60_000, 60_000, 60_000],
  );
});
