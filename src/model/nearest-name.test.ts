/**
 * Which name was meant.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { editDistance, nearestName } from "./nearest-name.ts";

test("edit distance counts insertions, deletions, replacements and swaps", () => {
  assert.equal(editDistance("", ""), 0);
  assert.equal(editDistance("", "abc"), 3);
  assert.equal(editDistance("kitten", "sitting"), 3);
  assert.equal(editDistance("evn", "env"), 1);
});

test("the nearest name ignores case, and of equals it is the first", () => {
  assert.equal(nearestName("Memroy", ["cpu", "memory", "disk"]), "memory");
  assert.equal(nearestName("az", ["ab", "ac"]), "ab");
});

test("a name that is far from all is not taken for any of them", () => {
  assert.equal(nearestName("name", ["cpu", "memory", "disk"]), null);
  assert.equal(nearestName("foo", ["filter", "pageSize"]), null);
  assert.equal(nearestName("ListFoo", ["ListJobs"]), null);
  assert.equal(nearestName("zz", ["ab", "cd"]), null);
  assert.equal(nearestName("x", []), null);
});

test("a name that goes on where another ends, or is alike for over a half, is near it", () => {
  assert.equal(nearestName("cpu", ["memoryBytes", "cpuMilli"]), "cpuMilli");
  assert.equal(nearestName("retry", ["resources", "retries"]), "retries");
  assert.equal(nearestName("re", ["retries"]), null);
});

test("a word of another system means our word only where we have it", () => {
  assert.equal(nearestName("gpu", ["cpu", "device"]), "device");
  assert.equal(nearestName("gpu", ["cpu", "disk"]), "cpu");
  assert.equal(nearestName("constructor", ["cpu", "construct"]), "construct");
});
