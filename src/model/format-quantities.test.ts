/**
 * How amounts are shown to people.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { formatDuration, formatMemory, formatResources } from "./format-quantities.ts";
import { noResources } from "./resources.ts";

test("memory is shown in the largest unit of which there is at least one", () => {
  assert.equal(formatMemory(0), "0 B");
  assert.equal(formatMemory(1023), "1023 B");
  assert.equal(formatMemory(1024), "1 KiB");
  assert.equal(formatMemory(1.5 * 1024 ** 3), "1.5 GiB");
  assert.equal(formatMemory(112 * 1024 ** 3), "112 GiB");
  assert.equal(formatMemory(-(1024 ** 2)), "-1 MiB");
});

test("durations are shown in at most two units", () => {
  assert.equal(formatDuration(0), "0ms");
  assert.equal(formatDuration(250), "250ms");
  assert.equal(formatDuration(1_500), "1.5s");
  assert.equal(formatDuration(90_000), "1m 30s");
  assert.equal(formatDuration(43_200_000), "12h");
  assert.equal(formatDuration(2 * 86_400_000 + 3 * 3_600_000 + 59_000), "2d 3h");
  assert.equal(formatDuration(-1_000), "-1s");
});

test("resources are shown by dimension and zeros are left out", () => {
  assert.equal(formatResources(noResources), "nothing");
  assert.equal(
    formatResources({ ...noResources, cpuMilli: 4_000, memoryBytes: 8 * 1024 ** 3 }),
    "cpu=4, memory=8 GiB",
  );
  const rich = {
    cpuMilli: 500,
    memoryBytes: 0,
    diskBytes: 1024 ** 3,
    devices: [{ kind: "gpu", variant: "h100", countMilli: 1_500, indices: [0, 3] }],
    custom: { license: 2_000 },
  };
  assert.equal(formatResources(rich), "cpu=0.5, disk=1 GiB, gpu:h100=1.5 (0, 3), license=2");
});
