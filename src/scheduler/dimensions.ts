/**
 * Resource vectors by dimension: every amount that a request can name gets a place in an array, so
 * that "does it fit" is a loop over a few numbers.
 *
 * Dimensions are interned for ever, in the order of their first mention; the first five are fixed.
 * Devices have one dimension per kind and variant, so a request for `auto` is resolved to one
 * variant of the worker at hand.
 *
 * @module
 */

import { anyVariant, canonicalResources } from "../model/canonical-resources.ts";
import type { Resources } from "../model/resources.ts";

export const dimension = { cpu: 0, memory: 1, disk: 2, slots: 3, commandSlots: 4 } as const;

const fixedNames = ["cpu", "memory", "disk", "slots", "command slots"];

/** The interned names of all dimensions. */
export class Dimensions {
  readonly names: string[] = [...fixedNames];
  /** By dimension: the kind of device, "" for what is none. */
  readonly kinds: string[] = fixedNames.map(() => "");
  readonly #byName = new Map<string, number>(fixedNames.map((name, index) => [name, index]));

  get count(): number {
    return this.names.length;
  }

  intern(name: string): number {
    const known = this.#byName.get(name);
    if (known !== undefined) return known;
    this.names.push(name);
    this.kinds.push(name.startsWith("device:") ? name.split(":")[1] : "");
    this.#byName.set(name, this.names.length - 1);
    return this.names.length - 1;
  }

  restore(names: readonly string[]): void {
    for (const name of names) this.intern(name);
  }
}

/** A device request that leaves the variant to the worker. */
export interface AnyVariant {
  readonly kind: string;
  readonly countMilli: number;
}

/** A request, ready to be compared: exact amounts, and devices of any variant. */
export interface RequestVector {
  readonly amounts: Float64Array;
  /** The dimensions with an amount above zero. */
  readonly used: readonly number[];
  readonly anyVariant: readonly AnyVariant[];
}

export function deviceDimension(kind: string, variant: string): string {
  return `device:${kind}:${variant}`;
}

/** What an attempt takes a slot of: executor threads, or places for processes. */
export type SlotKind = "slots" | "command slots";

/** The request of one attempt: its resources and one slot, or none. */
export function requestVector(
  dimensions: Dimensions,
  asked: Resources,
  slot: SlotKind | null = "slots",
): RequestVector {
  const request = canonicalResources(asked);
  const variants: AnyVariant[] = [];
  const entries = plainEntries(request);
  if (slot !== null) entries.push([slot, 1]);
  for (const device of request.devices) {
    if (device.variant === anyVariant) {
      variants.push({ kind: device.kind, countMilli: device.countMilli });
    } else entries.push([deviceDimension(device.kind, device.variant), device.countMilli]);
  }
  const vector = vectorOf(dimensions, entries);
  const used = [...vector.keys()].filter((index) => vector[index] > 0);
  // Dimensions that others have named make no difference to a request.
  const amounts = vector.slice(0, Math.max(dimension.slots, ...used) + 1);
  return { amounts, used, anyVariant: variants };
}

export function capacityVector(
  dimensions: Dimensions,
  declared: Resources,
  slots: number,
  commandSlots = 0,
): Float64Array {
  const capacity = canonicalResources(declared);
  const entries = plainEntries(capacity);
  entries.push(["slots", slots], ["command slots", commandSlots]);
  for (const device of capacity.devices) {
    entries.push([deviceDimension(device.kind, device.variant), device.countMilli]);
  }
  return vectorOf(dimensions, entries);
}

/** The resources that a vector stands for; slots have no place in them. */
export function resourcesOf(dimensions: Dimensions, vector: Float64Array): Resources {
  const custom: { [name: string]: number } = {};
  const devices = [];
  for (let index = fixedNames.length; index < vector.length; index++) {
    if (vector[index] === 0) continue;
    const [family, kind, variant] = dimensions.names[index].split(":");
    if (family === "custom") custom[kind] = vector[index];
    else devices.push({ kind, variant, countMilli: vector[index], indices: [] });
  }
  return {
    cpuMilli: vector[dimension.cpu],
    memoryBytes: vector[dimension.memory],
    diskBytes: vector[dimension.disk],
    devices,
    custom,
  };
}

function plainEntries(resources: Resources): [string, number][] {
  const entries: [string, number][] = [
    ["cpu", resources.cpuMilli],
    ["memory", resources.memoryBytes],
    ["disk", resources.diskBytes],
  ];
  for (const [name, count] of Object.entries(resources.custom)) {
    entries.push([`custom:${name}`, count]);
  }
  return entries;
}

function vectorOf(dimensions: Dimensions, entries: readonly [string, number][]): Float64Array {
  const indices = entries.map(([name]) => dimensions.intern(name));
  const vector = new Float64Array(dimensions.count);
  for (const [position, [, amount]] of entries.entries()) vector[indices[position]] += amount;
  return vector;
}
