/**
 * How much of a worker's free devices the work that is usually asked for could not use: the
 * measure of *fragmentation*, after Weng et al., "Beware of Fragmentation" (USENIX ATC 2023).
 *
 * A device is stranded for a request when the worker lacks the CPU or the memory to go with it,
 * when too much of the device is taken, or when it is of the wrong variant. The expectation is over
 * a *demand*: requests with devices, weighted by how often each was asked for. All amounts are
 * thousandths of a device; nothing is rounded.
 *
 * @module
 */

import { anyVariant } from "../model/canonical-resources.ts";
import type { Attributes, Constraint } from "../model/constraints.ts";
import type { DeviceAmount } from "../model/resources.ts";
import { chooseDeviceIndices } from "./devices.ts";
import { deviceDimension, type RequestVector } from "./dimensions.ts";
import { freeAmount, type Room, satisfiesAll } from "./fit.ts";

/** A request that is asked for, and how often. */
export interface DemandEntry {
  readonly request: RequestVector;
  readonly devices: readonly DeviceAmount[];
  readonly constraints: readonly Constraint[];
  readonly count: number;
}

/** One entry, ready to be asked about a worker. */
interface DemandClass {
  /** Its part of all that is asked for; they sum up to 1. */
  readonly weight: number;
  readonly kind: string;
  /** The one dimension that it can use; -1 for any of its kind. */
  readonly dimension: number;
  readonly countMilli: number;
  /** What must be free of one device so that a part of the request fits there. */
  readonly pieceMilli: number;
  /** What it asks for besides devices: pairs of a dimension and an amount. */
  readonly others: readonly (readonly [dimension: number, amount: number])[];
  readonly constraints: readonly Constraint[];
}

/** What work is expected to ask of devices. */
export interface Demand {
  readonly classes: readonly DemandClass[];
  /** By dimension: the kind of device, "" for what is none. */
  readonly kinds: readonly string[];
}

export const noDemand: Demand = { classes: [], kinds: [] };

/** Of a worker, what matters here. */
export interface DeviceSeat extends Room {
  readonly attributes: Attributes;
  /** Device dimension → thousandths in use of each index. */
  readonly deviceUse: ReadonlyMap<number, readonly number[]>;
}

/**
 * The demand that these entries make; those without devices count for nothing. Of a request for
 * several kinds of device the first stands for all.
 *
 * @param names The names of all dimensions.
 * @param classesMax The most frequent entries that are kept: the score costs as many looks.
 */
export function demandOf(
  entries: readonly DemandEntry[],
  names: readonly string[],
  classesMax: number,
): Demand {
  const kept = entries
    .filter(({ devices, count }) => devices.length > 0 && count > 0)
    .sort((a, b) => b.count - a.count)
    .slice(0, classesMax);
  const total = kept.reduce((sum, { count }) => sum + count, 0);
  const kinds = names.map((name) => (name.startsWith("device:") ? name.split(":")[1] : ""));
  return { classes: kept.map((entry) => classOf(entry, { names, kinds, total })), kinds };
}

function classOf(
  { request, devices: [device], constraints, count }: DemandEntry,
  about: {
    readonly names: readonly string[];
    readonly kinds: readonly string[];
    readonly total: number;
  },
): DemandClass {
  const { kind, variant, countMilli } = device;
  const isAny = variant === anyVariant;
  return {
    weight: count / about.total,
    kind,
    dimension: isAny ? -1 : about.names.indexOf(deviceDimension(kind, variant)),
    countMilli,
    pieceMilli: Math.min(countMilli, 1000),
    others: request.used
      .filter((index) => (about.kinds[index] ?? "") === "")
      .map((index) => [index, request.amounts[index]]),
    constraints,
  };
}

/**
 * What placing a request would cost: by how much it changes what is stranded on the worker. Below
 * zero when it takes what nobody else could have used.
 */
export function strandedBy(seat: DeviceSeat, request: RequestVector, demand: Demand): number {
  if (demand.classes.length === 0) return 0;
  let cost = 0;
  let isOpen = true; // Devices of any variant come from the first dimension that has them.
  for (const [index, use] of seat.deviceUse) {
    const before = freeOf(use, seat.capacity[index]);
    const wantedMilli = milliWanted(request, index, isOpen ? demand.kinds[index] : "");
    const after =
      wantedMilli === 0 ? before : freeAfter(before, use, seat.capacity[index], wantedMilli);
    if (wantedMilli > 0 && after !== before) isOpen = false;
    cost += strandedMilli(seat, { index, free: after, taken: request }, demand);
    cost -= strandedMilli(seat, { index, free: before, taken: null }, demand);
  }
  return cost;
}

/** Free devices of a worker of all kinds, thousandths. */
export function freeDeviceMilli(seat: DeviceSeat): number {
  let sum = 0;
  for (const index of seat.deviceUse.keys()) sum += Math.max(0, freeAmount(seat, index));
  return sum;
}

/** Thousandths that a request would take of a dimension; of any variant, if it is of that kind. */
function milliWanted(request: RequestVector, index: number, kind: string): number {
  if (index < request.amounts.length && request.amounts[index] > 0) return request.amounts[index];
  for (const any of request.anyVariant) if (any.kind === kind) return any.countMilli;
  return 0;
}

/** What is free of each device; of the last one what the capacity leaves for it. */
function freeOf(use: readonly number[], capacity: number): readonly number[] {
  const free = new Array<number>(use.length);
  for (let i = 0; i < use.length; i++) {
    free[i] = Math.max(0, Math.min(1000, capacity - i * 1000) - use[i]);
  }
  return free;
}

/** The same when a request has got its devices there; `free` itself if it gets none of these. */
function freeAfter(
  free: readonly number[],
  use: readonly number[],
  capacity: number,
  countMilli: number,
): readonly number[] {
  const shares = chooseDeviceIndices(use, capacity, countMilli);
  if (shares === null) return free;
  const left = free.slice();
  for (const { index, milli } of shares) left[index] -= milli;
  return left;
}

/** A dimension of a worker as it is, or would be when a request is placed. */
interface Devices {
  readonly index: number;
  readonly free: readonly number[];
  readonly taken: RequestVector | null;
}

/** Expected thousandths of these free devices that a request of the demand cannot use. */
function strandedMilli(seat: DeviceSeat, devices: Devices, demand: Demand): number {
  const { index, free } = devices;
  let total = 0;
  for (const milli of free) total += milli;
  if (total === 0) return 0;
  const kind = demand.kinds[index];
  let sum = 0;
  for (const wanted of demand.classes) {
    if (wanted.kind !== kind) continue;
    const isUseless = !mayUse(seat, devices, wanted);
    sum += wanted.weight * (isUseless ? total : total - usableMilli(free, wanted));
  }
  return sum;
}

function mayUse(seat: DeviceSeat, { index, taken }: Devices, wanted: DemandClass): boolean {
  if (wanted.dimension >= 0 && wanted.dimension !== index) return false;
  for (const [dimension, amount] of wanted.others) {
    const used = taken !== null && dimension < taken.amounts.length ? taken.amounts[dimension] : 0;
    if (freeAmount(seat, dimension) - used < amount) return false;
  }
  return wanted.constraints.length === 0 || satisfiesAll(seat.attributes, wanted.constraints);
}

/** Thousandths on devices that have enough for a part of the request; 0 if all of it fits not. */
function usableMilli(free: readonly number[], { countMilli, pieceMilli }: DemandClass): number {
  let usable = 0;
  for (const milli of free) if (milli >= pieceMilli) usable += milli;
  return usable >= countMilli ? usable : 0;
}
