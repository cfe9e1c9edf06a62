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
import { takeDevices } from "./devices.ts";
import { deviceDimension, dimension, type RequestVector } from "./dimensions.ts";
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
  /** Into `kinds` of the demand. */
  readonly kind: number;
  /** The one dimension that it can use; -1 for any of its kind. */
  readonly dimension: number;
  readonly countMilli: number;
  /** Into `pieces`: what must be free of one device so that a part of the request fits there. */
  readonly piece: number;
  readonly cpuMilli: number;
  readonly memoryBytes: number;
  /** What it asks for besides these and devices: dimensions, and their amounts. */
  readonly dimensions: readonly number[];
  readonly amounts: readonly number[];
  readonly constraints: readonly Constraint[];
}

/** The classes by column, as the score of a worker reads them all, one after the other. */
interface DemandColumns {
  readonly weight: Float64Array;
  readonly kind: Int32Array;
  readonly dimension: Int32Array;
  readonly countMilli: Float64Array;
  readonly piece: Int32Array;
  readonly cpuMilli: Float64Array;
  readonly memoryBytes: Float64Array;
  /** 1 where only the class itself says the rest. */
  readonly isSpecial: Uint8Array;
}

/** What work is expected to ask of devices. */
export interface Demand {
  readonly classes: readonly DemandClass[];
  readonly columns: DemandColumns;
  /** Different amounts of one device that are asked for, thousandths. */
  readonly pieces: readonly number[];
  /** By dimension: the kind of device, "" for what is none. */
  readonly kinds: readonly string[];
  /** By dimension: a number for the kind of device, -1 for what is none. */
  readonly kindNumbers: readonly number[];
}

export const noDemand: Demand = {
  classes: [],
  columns: columnsOf([]),
  pieces: [],
  kinds: [],
  kindNumbers: [],
};

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
 * @param dimensions All that are known.
 * @param classesMax The most frequent entries that are kept: the score costs as many looks.
 */
export function demandOf(
  entries: readonly DemandEntry[],
  { names, kinds }: { readonly names: readonly string[]; readonly kinds: readonly string[] },
  classesMax: number,
): Demand {
  const kept = entries
    .filter(({ devices, count }) => devices.length > 0 && count > 0)
    .sort((a, b) => b.count - a.count)
    .slice(0, classesMax);
  const total = kept.reduce((sum, { count }) => sum + count, 0);
  const pieces = [...new Set(kept.map(({ devices: [device] }) => pieceOf(device)))];
  const known = [...new Set(kinds)].filter((kind) => kind !== "");
  const about = { names, kinds, known, pieces, total };
  const classes = kept.map((entry) => classOf(entry, about));
  const kindNumbers = kinds.map((kind) => known.indexOf(kind));
  return { classes, columns: columnsOf(classes), pieces, kinds: kinds.slice(), kindNumbers };
}

function pieceOf({ countMilli }: DeviceAmount): number {
  return Math.min(countMilli, 1000);
}

function classOf(
  { request, devices: [device], constraints, count }: DemandEntry,
  about: {
    readonly names: readonly string[];
    readonly kinds: readonly string[];
    readonly known: readonly string[];
    readonly pieces: readonly number[];
    readonly total: number;
  },
): DemandClass {
  const { kind, variant, countMilli } = device;
  const isAny = variant === anyVariant;
  const dimensions = request.used.filter((index) => !isCommon(index) && about.kinds[index] === "");
  return {
    weight: count / about.total,
    kind: about.known.indexOf(kind),
    dimension: isAny ? -1 : about.names.indexOf(deviceDimension(kind, variant)),
    countMilli,
    piece: about.pieces.indexOf(pieceOf(device)),
    cpuMilli: request.amounts[dimension.cpu] ?? 0,
    memoryBytes: request.amounts[dimension.memory] ?? 0,
    dimensions,
    amounts: dimensions.map((index) => request.amounts[index]),
    constraints,
  };
}

/** What has a column; places for threads and processes are many, and no reason to be of no use. */
function isCommon(index: number): boolean {
  const { cpu, memory, slots, commandSlots } = dimension;
  return index === cpu || index === memory || index === slots || index === commandSlots;
}

function columnsOf(classes: readonly DemandClass[]): DemandColumns {
  return {
    weight: Float64Array.from(classes, ({ weight }) => weight),
    kind: Int32Array.from(classes, ({ kind }) => kind),
    dimension: Int32Array.from(classes, (one) => one.dimension),
    countMilli: Float64Array.from(classes, ({ countMilli }) => countMilli),
    piece: Int32Array.from(classes, ({ piece }) => piece),
    cpuMilli: Float64Array.from(classes, ({ cpuMilli }) => cpuMilli),
    memoryBytes: Float64Array.from(classes, ({ memoryBytes }) => memoryBytes),
    isSpecial: Uint8Array.from(classes, (one) => {
      return Number(one.dimensions.length + one.constraints.length > 0);
    }),
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
    const free = freeOf(use, seat.capacity[index]);
    const before = usableOf(free, demand.pieces);
    const wantedMilli = milliWanted(request, index, isOpen ? demand.kinds[index] : "");
    let after = before;
    if (wantedMilli > 0 && takeDevices(free, wantedMilli)) {
      isOpen = false;
      after = usableOf(free, demand.pieces);
    }
    cost += costOn(seat, { index, request, before, after }, demand);
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
function freeOf(use: readonly number[], capacity: number): number[] {
  const free: number[] = [];
  for (let i = 0; i < use.length; i++) {
    free.push(Math.max(0, Math.min(1000, capacity - i * 1000) - use[i]));
  }
  return free;
}

/** For each piece, the thousandths on devices that have that much; last, those on all devices. */
function usableOf(free: readonly number[], pieces: readonly number[]): number[] {
  const usable: number[] = [];
  for (const piece of pieces) {
    let sum = 0;
    for (let i = 0; i < free.length; i++) if (free[i] >= piece) sum += free[i];
    usable.push(sum);
  }
  let total = 0;
  for (let i = 0; i < free.length; i++) total += free[i];
  usable.push(total);
  return usable;
}

/** A dimension of a worker, as it is and as it would be when a request is placed. */
interface Placing {
  readonly index: number;
  readonly request: RequestVector;
  /** See {@link usableOf}. */
  readonly before: readonly number[];
  readonly after: readonly number[];
}

/** By how many thousandths more is stranded there, expected over the demand. */
function costOn(seat: DeviceSeat, placing: Placing, demand: Demand): number {
  const { index, request, before, after } = placing;
  const { columns, kindNumbers } = demand;
  const kind = kindNumbers[index];
  const totalBefore = before[before.length - 1];
  const totalAfter = after[after.length - 1];
  const cpu = freeAmount(seat, dimension.cpu);
  const memory = freeAmount(seat, dimension.memory);
  const cpuAfter = cpu - askedOf(request, dimension.cpu);
  const memoryAfter = memory - askedOf(request, dimension.memory);
  let cost = 0;
  for (let i = 0; i < columns.weight.length; i++) {
    if (columns.kind[i] !== kind) continue;
    const cpuMilli = columns.cpuMilli[i];
    const memoryBytes = columns.memoryBytes[i];
    let usableBefore = 0;
    let usableAfter = 0;
    const isOfVariant = columns.dimension[i] < 0 || columns.dimension[i] === index;
    if (isOfVariant && cpuMilli <= cpu && memoryBytes <= memory) {
      const rest =
        columns.isSpecial[i] === 0 ? roomAfter : roomFor(seat, request, demand.classes[i]);
      const piece = columns.piece[i];
      const countMilli = columns.countMilli[i];
      const staysFree = rest === roomAfter && cpuMilli <= cpuAfter && memoryBytes <= memoryAfter;
      if (rest !== noRoom && before[piece] >= countMilli) usableBefore = before[piece];
      if (staysFree && after[piece] >= countMilli) usableAfter = after[piece];
    }
    cost += columns.weight[i] * (totalAfter - usableAfter - (totalBefore - usableBefore));
  }
  return cost;
}

function askedOf({ amounts }: RequestVector, index: number): number {
  return index < amounts.length ? amounts[index] : 0;
}

const noRoom = 0;
const roomBefore = 1;
const roomAfter = 2;

/** Whether the rest of what goes with the devices is there: never, only before, or after too. */
function roomFor(seat: DeviceSeat, request: RequestVector, wanted: DemandClass): number {
  let room = roomAfter;
  const { dimensions, amounts } = wanted;
  for (let i = 0; i < dimensions.length; i++) {
    const dimension = dimensions[i];
    const free = freeAmount(seat, dimension) - amounts[i];
    if (free < 0) return noRoom;
    if (free < askedOf(request, dimension)) room = roomBefore;
  }
  const { constraints } = wanted;
  return constraints.length === 0 || satisfiesAll(seat.attributes, constraints) ? room : noRoom;
}
