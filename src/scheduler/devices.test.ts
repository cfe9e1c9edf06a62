/**
 * Devices: whole ones are whole, fractions share, and nothing is given twice.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { chooseDeviceIndices, deviceFitCount, fitsDevices } from "./devices.ts";

test("whole devices take the lowest indices that nobody uses", () => {
  assert.deepEqual(chooseDeviceIndices([0, 300, 0, 0], 4_000, 2_000), [
    { index: 0, milli: 1_000 },
    { index: 2, milli: 1_000 },
  ]);
});

test("a fraction goes where it leaves the least, the lowest index of several", () => {
  assert.deepEqual(chooseDeviceIndices([0, 300, 500, 600], 4_000, 500), [{ index: 2, milli: 500 }]);
  assert.deepEqual(chooseDeviceIndices([0, 0], 2_000, 500), [{ index: 0, milli: 500 }]);
});

test("two halves on two devices are not a device", () => {
  assert.equal(chooseDeviceIndices([500, 500], 2_000, 1_000), null);
});

test("one and a half are a whole device and half of another", () => {
  assert.deepEqual(chooseDeviceIndices([0, 500], 2_000, 1_500), [
    { index: 0, milli: 1_000 },
    { index: 1, milli: 500 },
  ]);
  assert.deepEqual(chooseDeviceIndices([500, 0], 2_000, 1_500), [
    { index: 0, milli: 500 },
    { index: 1, milli: 1_000 },
  ]);
  assert.equal(chooseDeviceIndices([600, 0], 2_000, 1_500), null);
});

test("a partial last device takes fractions first and whole requests never", () => {
  assert.deepEqual(chooseDeviceIndices([0, 0], 1_500, 500), [{ index: 1, milli: 500 }]);
  assert.deepEqual(chooseDeviceIndices([0, 0], 1_500, 600), [{ index: 0, milli: 600 }]);
  assert.equal(chooseDeviceIndices([1_000, 0], 1_500, 1_000), null);
});

test("nothing takes no device, and fits as often as it is asked", () => {
  assert.deepEqual(chooseDeviceIndices([1_000], 1_000, 0), []);
  assert.equal(deviceFitCount([1_000], 1_000, 0, 7), 7);
});

test("a dimension without devices has room for none", () => {
  assert.equal(chooseDeviceIndices([], 0, 1), null);
  assert.equal(deviceFitCount([], 0, 1, 7), 0);
});

/** A worker's devices, the last perhaps a partial one, and a use that fits them. */
const someDevices = fc
  .record({
    use: fc.array(fc.integer({ min: 0, max: 10 }), { minLength: 1, maxLength: 6 }),
    last: fc.integer({ min: 1, max: 10 }),
  })
  .map(({ use, last }) => ({
    capacity: (use.length - 1) * 1_000 + last * 100,
    use: use.map((tenths, i) => 100 * (i === use.length - 1 ? Math.min(last, tenths) : tenths)),
  }));
const someCount = fc.integer({ min: 1, max: 35 }).map((tenths) => tenths * 100);

test("what is chosen was free, adds up to what was asked, and is cut at most once", () => {
  fc.assert(
    fc.property(someDevices, someCount, ({ use, capacity }, count) => {
      const shares = chooseDeviceIndices(use, capacity, count);
      if (shares === null) return;
      assert.equal(
        shares.reduce((sum, { milli }) => sum + milli, 0),
        count,
      );
      assert.equal(shares.filter(({ milli }) => milli < 1_000).length, count % 1_000 === 0 ? 0 : 1);
      for (const [position, { index, milli }] of shares.entries()) {
        assert.ok(position === 0 || shares[position - 1].index < index);
        assert.ok(use[index] + milli <= Math.min(1_000, capacity - index * 1_000));
      }
    }),
  );
});

test("it is known whether devices can be chosen without choosing them", () => {
  fc.assert(
    fc.property(someDevices, someCount, ({ use, capacity }, count) => {
      const chosen = chooseDeviceIndices(use, capacity, count);
      assert.equal(fitsDevices(use, capacity, count), chosen !== null);
    }),
    { numRuns: 1_000 },
  );
});

test("as many fit as can be chosen one after the other", () => {
  fc.assert(
    fc.property(someDevices, someCount, fc.nat(30), ({ use, capacity }, count, limit) => {
      const left = [...use];
      let chosen = 0;
      for (; chosen < limit; chosen++) {
        const shares = chooseDeviceIndices(left, capacity, count);
        if (shares === null) break;
        for (const { index, milli } of shares) left[index] += milli;
      }
      assert.equal(deviceFitCount(use, capacity, count, limit), chosen);
    }),
    { numRuns: 500 },
  );
});

test("no order of choices holds more of one request than the one that was counted", () => {
  const small = fc.array(fc.constantFrom(0, 300, 500, 700), { minLength: 1, maxLength: 4 });
  const count = fc.constantFrom(300, 500, 1_000, 1_300, 1_500, 2_000);
  fc.assert(
    fc.property(small, count, (use, milli) => {
      const most = deviceFitCount(use, use.length * 1_000, milli, 100);
      assert.equal(most, mostByTrial(use, milli));
    }),
  );
});

/** The most requests of `milli` that fit, over every choice of indices. */
function mostByTrial(use: readonly number[], milli: number): number {
  const whole = Math.floor(milli / 1_000);
  const fraction = milli % 1_000;
  let most = 0;
  for (let mask = 0; mask < 2 ** use.length; mask++) {
    // The devices of the mask are given whole, the others in fractions.
    const given = use.filter((_, index) => (mask & (1 << index)) !== 0);
    if (given.some((used) => used > 0)) continue;
    const others = use.filter((_, index) => (mask & (1 << index)) === 0);
    const fractions = others.reduce((n, used) => n + Math.floor((1_000 - used) / fraction), 0);
    const byWhole = whole === 0 ? Number.POSITIVE_INFINITY : Math.floor(given.length / whole);
    most = Math.max(most, Math.min(byWhole, fraction === 0 ? byWhole : fractions));
  }
  return most;
}
