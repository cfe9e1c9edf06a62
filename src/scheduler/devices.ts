/**
 * Which devices of a worker a request gets: indices, and how much of each.
 *
 * A worker with 8 devices of a variant has the indices 0 to 7. A request below one device shares an
 * index with others; n whole devices take n indices that nobody uses; 1.5 devices are one whole and
 * half of another. So an amount that is free in sum may still not fit: two halves are no device.
 *
 * It knows one dimension of one worker and keeps nothing.
 *
 * @module
 */

import { assert } from "../base/assert.ts";

const deviceMilli = 1000;

/** Thousandths in use per index of one device dimension on one worker. */
export type DeviceUse = readonly number[];

/** Thousandths of one device: 1000 is all of it. */
export interface DeviceShare {
  readonly index: number;
  readonly milli: number;
}

/**
 * The devices for `countMilli` thousandths, in the order of their indices; null if they do not fit,
 * an empty list for nothing.
 *
 * Whole devices take the lowest indices that nobody uses. A fraction goes where the least is left
 * over, so that whole devices stay whole.
 *
 * @param use One entry per device. A capacity that is not a multiple of 1000 makes the last device
 *   a partial one, which no whole request gets.
 */
export function chooseDeviceIndices(
  use: DeviceUse,
  capacityMilli: number,
  countMilli: number,
): readonly DeviceShare[] | null {
  const free = freeMilli(use, capacityMilli);
  const left = free.slice();
  if (!takeDevices(left, countMilli)) return null;
  const shares: DeviceShare[] = [];
  for (const [index, milli] of free.entries()) {
    if (left[index] < milli) shares.push({ index, milli: milli - left[index] });
  }
  return shares;
}

/**
 * Takes `countMilli` thousandths of what is free of each device, as {@link chooseDeviceIndices}
 * would; false, with `free` in part taken, if they do not fit.
 */
export function takeDevices(free: number[], countMilli: number): boolean {
  const { whole, fraction } = splitCount(countMilli);
  // A device of which a whole one was taken has nothing left: no fraction comes to it.
  let missing = whole;
  for (let index = 0; missing > 0 && index < free.length; index++) {
    if (free[index] < deviceMilli) continue;
    free[index] = 0;
    missing--;
  }
  if (missing > 0) return false;
  if (fraction === 0) return true;
  const shared = tightestIndex(free, fraction);
  if (shared < 0) return false;
  free[shared] -= fraction;
  return true;
}

/** Whether {@link chooseDeviceIndices} would find devices: the same answer without the choice. */
export function fitsDevices(use: DeviceUse, capacityMilli: number, countMilli: number): boolean {
  const fraction = countMilli % deviceMilli;
  const whole = (countMilli - fraction) / deviceMilli;
  let unused = 0;
  let hasPlace = fraction === 0;
  for (let index = 0; index < use.length; index++) {
    const free = freeOf(use, capacityMilli, index);
    if (free === deviceMilli) unused++;
    else if (free >= fraction) hasPlace = true;
  }
  // A fraction may also begin on a device that nobody uses.
  return unused > whole || (unused === whole && hasPlace);
}

/** What is free of one device; of the last one only what the capacity leaves for it. */
export function freeOf(use: DeviceUse, capacityMilli: number, index: number): number {
  const capacity = Math.min(deviceMilli, capacityMilli - index * deviceMilli);
  return Math.max(0, capacity - use[index]);
}

/**
 * How many requests of `countMilli` fit at once, at most `limit`: as many as could be chosen one
 * after the other by {@link chooseDeviceIndices}.
 */
export function deviceFitCount(
  use: DeviceUse,
  capacityMilli: number,
  countMilli: number,
  limit: number,
): number {
  const { whole, fraction } = splitCount(countMilli);
  if (countMilli === 0) return limit;
  let unused = 0;
  let fractions = 0;
  for (const free of freeMilli(use, capacityMilli)) {
    if (free === deviceMilli) unused++;
    else if (fraction > 0) fractions += Math.floor(free / fraction);
  }
  return Math.min(limit, countOfBoth({ whole, fraction, unused, fractions }));
}

/** Requests of `whole` devices and a fraction, out of unused devices and places for fractions. */
function countOfBoth(room: {
  readonly whole: number;
  readonly fraction: number;
  readonly unused: number;
  readonly fractions: number;
}): number {
  const { whole, fraction, unused, fractions } = room;
  const wholes = whole === 0 ? Number.POSITIVE_INFINITY : Math.floor(unused / whole);
  if (fraction === 0) return wholes;
  // Beyond the places on devices in use, unused ones are cut up for the fractions of n requests:
  // n * whole + ceil((n - fractions) / pieces) <= unused.
  const pieces = Math.floor(deviceMilli / fraction);
  return Math.min(wholes, Math.floor((pieces * unused + fractions) / (pieces * whole + 1)));
}

/** What is free of each device. */
function freeMilli(use: DeviceUse, capacityMilli: number): number[] {
  assert(
    use.length === Math.ceil(capacityMilli / deviceMilli),
    "the use of a device dimension has one entry per device",
  );
  return use.map((_used, index) => freeOf(use, capacityMilli, index));
}

function splitCount(countMilli: number): { whole: number; fraction: number } {
  assert(
    Number.isSafeInteger(countMilli) && countMilli >= 0,
    "devices are asked for in whole thousandths",
  );
  return { whole: Math.floor(countMilli / deviceMilli), fraction: countMilli % deviceMilli };
}

/** The index that has the least left over for `milli`, the lowest of several; -1 for none. */
function tightestIndex(free: readonly number[], milli: number): number {
  let tightest = -1;
  for (const [index, left] of free.entries()) {
    if (left < milli) continue;
    if (tightest < 0 || left < free[tightest]) tightest = index;
  }
  return tightest;
}
