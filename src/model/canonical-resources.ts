/**
 * The one way to write a resource vector, whoever wrote it: what interning and comparison go by.
 *
 * @module
 */

import type { DeviceAmount, Resources } from "./resources.ts";

/** The variant of a request that any variant satisfies. */
export const anyVariant = "auto";

/** A string that two vectors share exactly when they are the same: for interning requests. */
export function resourcesKey(resources: Resources): string {
  const { cpuMilli, memoryBytes, diskBytes, devices, custom } = canonicalResources(resources);
  return JSON.stringify([
    cpuMilli,
    memoryBytes,
    diskBytes,
    devices.map(({ kind, variant, countMilli, indices }) => [kind, variant, countMilli, indices]),
    Object.entries(custom),
  ]);
}

/** The one way to write a vector: lower case, merged, sorted by name, without zeros. */
export function canonicalResources(resources: Resources): Resources {
  return {
    cpuMilli: resources.cpuMilli,
    memoryBytes: resources.memoryBytes,
    diskBytes: resources.diskBytes,
    devices: canonicalDevices(resources.devices),
    custom: canonicalCustom(Object.entries(resources.custom)),
  };
}

function canonicalDevices(devices: readonly DeviceAmount[]): readonly DeviceAmount[] {
  if (devices.length === 0) return devices;
  const merged = new Map<string, DeviceAmount>();
  for (const device of devices) {
    const kind = device.kind.toLowerCase();
    const variant = device.variant.toLowerCase();
    const name = JSON.stringify([kind, variant]);
    const known = merged.get(name);
    const countMilli = (known?.countMilli ?? 0) + device.countMilli;
    const indices = [...(known?.indices ?? []), ...device.indices];
    merged.set(name, { kind, variant, countMilli, indices });
  }
  return [...merged.values()].filter(isSomething).map(withSortedIndices).sort(byKindAndVariant);
}

function isSomething(device: DeviceAmount): boolean {
  return device.countMilli !== 0 || device.indices.length > 0;
}

function withSortedIndices(device: DeviceAmount): DeviceAmount {
  return { ...device, indices: [...device.indices].sort((a, b) => a - b) };
}

function byKindAndVariant(a: DeviceAmount, b: DeviceAmount): number {
  return compareNames(a.kind, b.kind) || compareNames(a.variant, b.variant);
}

/** Sums the entries by lower-case name; a sorted object without zeros. */
function canonicalCustom(entries: readonly [string, number][]): Resources["custom"] {
  const merged = new Map<string, number>();
  for (const [written, milli] of entries) {
    const name = written.toLowerCase();
    merged.set(name, (merged.get(name) ?? 0) + milli);
  }
  const kept = [...merged].filter(([, milli]) => milli !== 0);
  return Object.fromEntries(kept.sort(([a], [b]) => compareNames(a, b)));
}

function compareNames(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
