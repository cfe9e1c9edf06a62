/**
 * The value of resources.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { parseResources } from "../model/parse-resources.ts";
import { noResources } from "../model/resources.ts";
import { resourceValue } from "./resource-value.ts";

test("devices weigh most, parts of them in proportion; memory and cores only in full", () => {
  const options = { cpu: 3.9, memory: "2.5GiB", devices: [{ kind: "gpu", count: 1.5 }] };
  assert.equal(resourceValue(parseResources("r", options, noResources)), 1_500 + 2 + 15);
  assert.equal(resourceValue(noResources), 0);
});

test("devices of every kind count, and disk and custom counters do not", () => {
  const devices = [
    { kind: "gpu", variant: "a100", count: 2 },
    { kind: "tpu", variant: "v5", count: 4 },
  ];
  const options = { devices, disk: "1TiB", custom: { license: 9 } };
  assert.equal(resourceValue(parseResources("r", options, noResources)), 6_000);
});
