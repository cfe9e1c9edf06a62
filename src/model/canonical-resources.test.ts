/**
 * A resource vector is written in one way.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { canonicalResources, resourcesKey } from "./canonical-resources.ts";
import type { DeviceAmount, Resources } from "./resources.ts";
import { noResources } from "./resources.ts";

const aDevice = (kind: string, variant: string, countMilli = 1000): DeviceAmount => ({
  kind,
  variant,
  countMilli,
  indices: [],
});

const withDevices = (...devices: readonly DeviceAmount[]): Resources => ({
  ...noResources,
  devices,
});

const amount = fc.nat(5_000);

function anyResources(variants: readonly string[]): fc.Arbitrary<Resources> {
  const device = fc.record({
    kind: fc.constantFrom("gpu", "GPU", "tpu"),
    variant: fc.constantFrom(...variants),
    countMilli: amount,
    indices: fc.constant([]),
  });
  return fc.record({
    cpuMilli: amount,
    memoryBytes: amount,
    diskBytes: amount,
    devices: fc.array(device, { maxLength: 4 }),
    custom: fc.dictionary(fc.constantFrom("a", "b", "c"), amount),
  });
}

const request = anyResources(["h100", "a100", "auto"]);

test("two vectors have one key exactly when they are the same amounts", () => {
  fc.assert(
    fc.property(request, (a) => {
      const shuffled = { ...a, devices: [...a.devices].reverse() };
      assert.equal(resourcesKey(shuffled), resourcesKey(a));
      assert.equal(resourcesKey(canonicalResources(a)), resourcesKey(a));
      assert.notEqual(resourcesKey({ ...a, cpuMilli: a.cpuMilli + 1 }), resourcesKey(a));
    }),
  );
});

test("names cannot be forged into another vector's key", () => {
  const one = { ...noResources, custom: { 'a",1],["b': 1 } };
  const two = { ...noResources, custom: { a: 1, b: 1 } };
  assert.notEqual(resourcesKey(one), resourcesKey(two));
  assert.notEqual(
    resourcesKey(withDevices(aDevice("gpu", "h100"))),
    resourcesKey({ ...noResources, custom: { "gpu:h100": 1000 } }),
  );
});

test("names are lower case, amounts of one name are one, and nothing is nothing", () => {
  const written = {
    ...withDevices(aDevice("GPU", "H100"), aDevice("gpu", "h100", 500), aDevice("tpu", "v5e", 0)),
    custom: { License: 1000, license: 500, none: 0 },
  };
  assert.deepEqual(canonicalResources(written), {
    ...withDevices(aDevice("gpu", "h100", 1500)),
    custom: { license: 1500 },
  });
});
