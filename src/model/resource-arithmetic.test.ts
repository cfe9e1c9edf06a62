/**
 * The laws of resource vectors.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  addResources,
  canonicalResources,
  matchesDevice,
  missingResources,
  resourcesFit,
  resourcesKey,
  sameResources,
  subtractResources,
} from "./resource-arithmetic.ts";
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

const concrete = anyResources(["h100", "H100", "a100"]);
const request = anyResources(["h100", "a100", "auto"]);

test("sums do not depend on their order", () => {
  fc.assert(
    fc.property(concrete, concrete, concrete, (a, b, c) => {
      assert.deepEqual(addResources(a, b), addResources(b, a));
      assert.deepEqual(addResources(addResources(a, b), c), addResources(a, addResources(b, c)));
    }),
  );
});

test("nothing added or taken away changes nothing", () => {
  fc.assert(
    fc.property(concrete, (a) => {
      assert.deepEqual(addResources(a, noResources), canonicalResources(a));
      assert.deepEqual(subtractResources(a, noResources), canonicalResources(a));
      assert.deepEqual(subtractResources(a, a), canonicalResources(noResources));
    }),
  );
});

test("what was added and taken away again leaves no trace", () => {
  fc.assert(
    fc.property(concrete, concrete, (a, b) => {
      assert.deepEqual(subtractResources(addResources(a, b), b), canonicalResources(a));
      assert.deepEqual(addResources(subtractResources(a, b), b), canonicalResources(a));
    }),
  );
});

test("a request fits exactly when nothing is missing and when no difference is negative", () => {
  fc.assert(
    fc.property(request, concrete, (wanted, available) => {
      const fits = resourcesFit(wanted, available);
      assert.equal(sameResources(missingResources(wanted, available), noResources), fits);
      const left = subtractResources(available, wanted);
      const amounts = [left.cpuMilli, left.memoryBytes, left.diskBytes];
      amounts.push(...left.devices.map((device) => device.countMilli));
      amounts.push(...Object.values(left.custom));
      assert.equal(
        amounts.every((milli) => milli >= 0),
        fits,
      );
    }),
  );
});

test("a request fits into what it is missing and what is there together", () => {
  fc.assert(
    fc.property(request, concrete, (wanted, available) => {
      const missing = missingResources(wanted, available);
      const bought = missing.devices.map((device) =>
        device.variant === "auto" ? { ...device, variant: "h100" } : device,
      );
      assert.ok(resourcesFit(wanted, addResources(available, { ...missing, devices: bought })));
    }),
  );
});

test("two vectors have one key exactly when they are the same amounts", () => {
  fc.assert(
    fc.property(request, (a) => {
      const shuffled = { ...a, devices: [...a.devices].reverse() };
      assert.equal(resourcesKey(shuffled), resourcesKey(a));
      assert.equal(resourcesKey(canonicalResources(a)), resourcesKey(a));
      assert.ok(sameResources(a, shuffled));
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

test("three tasks of a tenth fit a capacity of three tenths", () => {
  const tenth = { ...noResources, cpuMilli: 100 };
  const three = addResources(addResources(tenth, tenth), tenth);
  assert.ok(resourcesFit(three, { ...noResources, cpuMilli: 300 }));
});

test("devices match by kind and variant in any case, and auto matches any variant", () => {
  assert.ok(matchesDevice(aDevice("gpu", "H100"), aDevice("GPU", "h100")));
  assert.ok(matchesDevice(aDevice("gpu", "auto"), aDevice("gpu", "h100")));
  assert.ok(!matchesDevice(aDevice("gpu", "h100"), aDevice("gpu", "auto")));
  assert.ok(!matchesDevice(aDevice("gpu", "auto"), aDevice("tpu", "v5e")));
});

test("a variant that is named is served before auto takes the rest", () => {
  const available = withDevices(aDevice("gpu", "a100"), aDevice("gpu", "h100"));
  assert.ok(resourcesFit(withDevices(aDevice("gpu", "auto"), aDevice("gpu", "a100")), available));
  assert.ok(
    !resourcesFit(withDevices(aDevice("gpu", "auto", 1001), aDevice("gpu", "a100")), available),
  );
});

test("granted indices leave with their grant and come back with it", () => {
  const total = withDevices({ ...aDevice("gpu", "h100", 2000), indices: [0, 1] });
  const grant = withDevices({ ...aDevice("gpu", "h100"), indices: [1] });
  const left = subtractResources(total, grant);
  assert.deepEqual(left.devices, [{ ...aDevice("gpu", "h100"), indices: [0] }]);
  assert.deepEqual(addResources(left, grant), total);
});
