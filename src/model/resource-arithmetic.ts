/**
 * Arithmetic on resource vectors. All amounts are integers, so that sums are exact and the order in
 * which grants come and go leaves no trace.
 *
 * Devices match by kind and variant, whatever the case; a request for variant `"auto"` takes any
 * variant of its kind. Device *indices* are carried along: which device is granted is the business
 * of whoever holds them.
 *
 * @module
 */

import type { DeviceAmount, Resources } from "./resources.ts";

/** The variant of a request that any variant satisfies. */
export const anyVariant = "auto";

/** True if `request` fits into `available` in every dimension. */
export function resourcesFit(request: Resources, available: Resources): boolean {
  return (
    request.cpuMilli <= available.cpuMilli &&
    request.memoryBytes <= available.memoryBytes &&
    request.diskBytes <= available.diskBytes &&
    customFits(request.custom, available.custom) &&
    devicesFit(request.devices, available.devices)
  );
}

function customFits(request: Resources["custom"], available: Resources["custom"]): boolean {
  for (const name in request) {
    if (request[name] > amountOf(available, name)) return false;
  }
  return true;
}

function devicesFit(request: readonly DeviceAmount[], available: readonly DeviceAmount[]): boolean {
  if (request.length === 0) return true;
  if (request.length > 1) return missingDevices(request, available).length === 0;
  const [{ kind, variant, countMilli }] = request;
  return countMilli <= deviceMilli(available, kind, variant);
}

/** Thousandths of the devices of a kind and variant; of all variants of the kind for `"auto"`. */
export function deviceMilli(
  devices: readonly DeviceAmount[],
  kind: string,
  variant: string,
): number {
  let milli = 0;
  for (const device of devices) {
    if (!sameName(device.kind, kind)) continue;
    if (sameName(variant, anyVariant)) milli += Math.max(0, device.countMilli);
    else if (sameName(device.variant, variant)) milli += device.countMilli;
  }
  return milli;
}

/** `a + b`, canonical. */
export function addResources(a: Resources, b: Resources): Resources {
  return {
    cpuMilli: a.cpuMilli + b.cpuMilli,
    memoryBytes: a.memoryBytes + b.memoryBytes,
    diskBytes: a.diskBytes + b.diskBytes,
    devices: canonicalDevices([...a.devices, ...b.devices]),
    custom: canonicalCustom([...Object.entries(a.custom), ...Object.entries(b.custom)]),
  };
}

/**
 * `a - b`, canonical. An amount may come out negative: a capacity that shrank under its grants.
 * What `b` has of variant `"auto"` is taken from the variants that `a` has left, in order of their
 * names; what none of them has is left as a negative amount of `"auto"`.
 */
export function subtractResources(a: Resources, b: Resources): Resources {
  const taken = Object.entries(b.custom).map(([name, milli]): [string, number] => [name, -milli]);
  return {
    cpuMilli: a.cpuMilli - b.cpuMilli,
    memoryBytes: a.memoryBytes - b.memoryBytes,
    diskBytes: a.diskBytes - b.diskBytes,
    devices: subtractDevices(a.devices, b.devices),
    custom: canonicalCustom([...Object.entries(a.custom), ...taken]),
  };
}

/** What `request` has beyond `available`, dimension by dimension: nothing exactly when it fits. */
export function missingResources(request: Resources, available: Resources): Resources {
  const custom = Object.entries(request.custom).map(([name, milli]): [string, number] => [
    name,
    Math.max(0, milli - amountOf(available.custom, name)),
  ]);
  return {
    cpuMilli: Math.max(0, request.cpuMilli - available.cpuMilli),
    memoryBytes: Math.max(0, request.memoryBytes - available.memoryBytes),
    diskBytes: Math.max(0, request.diskBytes - available.diskBytes),
    devices: missingDevices(request.devices, available.devices),
    custom: canonicalCustom(custom),
  };
}

/** True if both stand for the same amounts, in whatever order and case they are written. */
export function sameResources(a: Resources, b: Resources): boolean {
  return a === b || resourcesKey(a) === resourcesKey(b);
}

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

/** `a` without `b`. Whole variants first, so that `"auto"` takes only what nobody named. */
function subtractDevices(
  a: readonly DeviceAmount[],
  b: readonly DeviceAmount[],
): readonly DeviceAmount[] {
  const left = canonicalDevices(a).map((device) => ({ ...device }));
  for (const device of namedFirst(b)) {
    const owed = takeDevice(left, device);
    if (owed > 0) left.push({ ...device, countMilli: -owed, indices: [] });
  }
  return canonicalDevices(left);
}

type MutableDevice = { -readonly [Field in keyof DeviceAmount]: DeviceAmount[Field] };

/** Takes `device` out of `left` and returns the thousandths that were not there. */
function takeDevice(left: readonly MutableDevice[], device: DeviceAmount): number {
  let owed = device.countMilli;
  for (const entry of left) {
    if (!matchesDevice(device, entry)) continue;
    const taken = Math.min(owed, Math.max(0, entry.countMilli));
    entry.countMilli -= taken;
    entry.indices = entry.indices.filter((index) => !device.indices.includes(index));
    owed -= taken;
  }
  return owed;
}

/** What `request` has and `available` lacks, by kind and variant. */
function missingDevices(
  request: readonly DeviceAmount[],
  available: readonly DeviceAmount[],
): readonly DeviceAmount[] {
  const left = canonicalDevices(available).map((device) => ({ ...device }));
  const missing = namedFirst(request).map((device) => ({
    ...device,
    countMilli: takeDevice(left, device),
    indices: [],
  }));
  return canonicalDevices(missing);
}

function namedFirst(devices: readonly DeviceAmount[]): readonly DeviceAmount[] {
  const canonical = canonicalDevices(devices);
  const named = canonical.filter((device) => device.variant !== anyVariant);
  return [...named, ...canonical.filter((device) => device.variant === anyVariant)];
}

/** True if a request for `wanted` may be served from `offered`. */
export function matchesDevice(wanted: DeviceAmount, offered: DeviceAmount): boolean {
  if (!sameName(wanted.kind, offered.kind)) return false;
  return sameName(wanted.variant, anyVariant) || sameName(wanted.variant, offered.variant);
}

function amountOf(custom: Resources["custom"], name: string): number {
  return Object.hasOwn(custom, name) ? custom[name] : 0;
}

function sameName(a: string, b: string): boolean {
  return a === b || a.toLowerCase() === b.toLowerCase();
}

function compareNames(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
