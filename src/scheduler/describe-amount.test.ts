/**
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { describeAmount, titleOf } from "./describe-amount.ts";

test("a device is called by kind and variant, a counter by its name", () => {
  const names = ["cpu", "device:gpu:h100", "device:gpu:", "custom:license"];
  assert.deepEqual(names.map(titleOf), ["cpu", "gpu h100", "gpu", "license"]);
});

test("an amount has the unit of its dimension", () => {
  assert.equal(describeAmount("memory", 3 * 2 ** 30), "3 GiB");
  assert.equal(describeAmount("disk", 512), "512 B");
  assert.equal(describeAmount("slots", 4), "4");
  assert.equal(describeAmount("command slots", 4), "4");
  assert.equal(describeAmount("cpu", 64_000), "64");
  assert.equal(describeAmount("device:gpu:h100", 500), "0.5");
  assert.equal(describeAmount("custom:memory", 2_000), "2");
});
