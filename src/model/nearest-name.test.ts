/**
 * Which name was meant.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { editDistance, nearestName } from "./nearest-name.ts";

test("edit distance counts insertions, deletions and replacements", () => {
  assert.equal(editDistance("", ""), 0);
  assert.equal(editDistance("", "abc"), 3);
  assert.equal(editDistance("kitten", "sitting"), 3);
});

test("the nearest name ignores case, and of equals it is the first", () => {
  assert.equal(nearestName("Memroy", ["cpu", "memory", "disk"]), "memory");
  assert.equal(nearestName("zz", ["ab", "cd"]), "ab");
});

test("a word of another system means our word only where we have it", () => {
  assert.equal(nearestName("gpu", ["cpu", "device"]), "device");
  assert.equal(nearestName("gpu", ["cpu", "disk"]), "cpu");
  assert.equal(nearestName("constructor", ["cpu", "count"]), "count");
});
