/**
 * Resources as people write them, in requests and in capacities:
 * `{ cpu: 4, memory: "8g", device: { kind: "gpu", count: 1 }, custom: { license: 1 } }`.
 *
 * @module
 */

import { anyVariant, canonicalResources } from "./canonical-resources.ts";
import { nameCharactersMax, resourceEntryCountMax } from "./limits.ts";
import {
  fieldPath,
  invalidArgument,
  invalidSpec,
  parseArray,
  parseFields,
  parsePlainObject,
} from "./parse-fields.ts";
import { parseCountMilli, parseCpuMilli, parseMemoryBytes } from "./parse-quantities.ts";
import type { DeviceAmount, Resources } from "./resources.ts";
import { defaultRequest } from "./resources.ts";

/** Devices of one kind. */
export interface DeviceOptions {
  /** `"gpu"`, `"tpu"`, …; case does not matter. */
  readonly kind: string;
  /** `"h100"`, `"v5litepod-16"`, …; default `"auto"`: any. Case does not matter. */
  readonly variant?: string | undefined;
  /** Default 1; steps of 0.001. */
  readonly count?: number | undefined;
}

/** What a task needs, or what a worker has. */
export interface ResourceOptions {
  /** CPUs in steps of 0.001. Default 1. More than a worker has means that it never runs there. */
  readonly cpu?: number | undefined;
  /** `"8g"` or bytes. Default 0: not enforced. */
  readonly memory?: string | number | undefined;
  /** `"50g"` or bytes. Default 0: not enforced. */
  readonly disk?: string | number | undefined;
  /** One kind of device; or several in `devices`. Default none. */
  readonly device?: DeviceOptions | undefined;
  readonly devices?: readonly DeviceOptions[] | undefined;
  /** Counters of your own, such as licences; steps of 0.001, case does not matter. */
  readonly custom?: { readonly [name: string]: number } | undefined;
}

/** By their names in options. */
export const resourceNames = ["cpu", "memory", "disk", "device", "devices", "custom"] as const;
const deviceNames = ["kind", "variant", "count"] as const;
const namePattern = /^[a-z][a-z0-9._/-]*$/;

/**
 * A canonical vector from `{ cpu, memory, disk, device | devices, custom }`. What is absent comes
 * from `defaults`: for a request one CPU and nothing else.
 *
 * @throws CapstanError INVALID_ARGUMENT (unknown name, malformed amount) or INVALID_SPEC
 */
export function parseResources(
  field: string,
  value: unknown,
  defaults: Resources = defaultRequest,
): Resources {
  if (value === undefined) return defaults;
  const { cpu, memory, disk, custom, ...devices } = parseFields(field, value, resourceNames);
  const at = (name: string) => fieldPath(field, name);
  return canonicalResources({
    cpuMilli: cpu === undefined ? defaults.cpuMilli : parseCpuMilli(at("cpu"), cpu),
    memoryBytes:
      memory === undefined ? defaults.memoryBytes : parseMemoryBytes(at("memory"), memory),
    diskBytes: disk === undefined ? defaults.diskBytes : parseMemoryBytes(at("disk"), disk),
    devices: parseDevices(field, devices.device, devices.devices, defaults.devices),
    custom: custom === undefined ? defaults.custom : parseCustom(at("custom"), custom),
  });
}

function parseDevices(
  field: string,
  one: unknown,
  several: unknown,
  defaults: readonly DeviceAmount[],
): readonly DeviceAmount[] {
  if (one !== undefined && several !== undefined) {
    throw invalidSpec(fieldPath(field, "device"), "give either `device` or `devices`, not both");
  }
  if (one !== undefined) return [parseDevice(fieldPath(field, "device"), one)];
  if (several === undefined) return defaults;
  const at = fieldPath(field, "devices");
  const entries = parseArray(at, several, resourceEntryCountMax);
  return entries.map((entry, index) => parseDevice(`${at}[${index}]`, entry));
}

/** One `{ kind, variant, count }`. */
function parseDevice(field: string, value: unknown): DeviceAmount {
  const { kind, variant, count } = parseFields(field, value, deviceNames);
  return {
    kind: parseResourceName(fieldPath(field, "kind"), kind),
    variant:
      variant === undefined ? anyVariant : parseDeviceVariant(fieldPath(field, "variant"), variant),
    countMilli: count === undefined ? 1000 : parseCountMilli(fieldPath(field, "count"), count),
    indices: [],
  };
}

/**
 * The name of a kind or a counter, in lower case: a letter, then letters, digits and `. _ / -`.
 *
 * @throws CapstanError INVALID_ARGUMENT
 */
export function parseResourceName(field: string, value: unknown): string {
  const name = typeof value === "string" ? value.toLowerCase() : "";
  if (name.length <= nameCharactersMax && namePattern.test(name)) return name;
  throw invalidArgument(
    field,
    value,
    `a name: a letter, then letters, digits and ". _ / -", at most ${nameCharactersMax} characters`,
  );
}

/**
 * The variant of a device, in lower case: as a name, but it may begin with a digit: `"4090"`.
 *
 * @throws CapstanError INVALID_ARGUMENT
 */
export function parseDeviceVariant(field: string, value: unknown): string {
  const startsWithDigit = typeof value === "string" && /^[0-9]/.test(value);
  if (!startsWithDigit) return parseResourceName(field, value);
  parseResourceName(field, `v${value.slice(0, nameCharactersMax)}`);
  return value.toLowerCase();
}

function parseCustom(field: string, value: unknown): Resources["custom"] {
  const amounts = new Map<string, number>();
  const entries = Object.entries(parsePlainObject(field, value));
  if (entries.length > resourceEntryCountMax) {
    throw invalidArgument(field, value, `an object of at most ${resourceEntryCountMax} counters`);
  }
  for (const [written, count] of entries) {
    const name = parseCustomName(field, written);
    if (amounts.has(name)) throw invalidSpec(fieldPath(field, name), "is given twice");
    amounts.set(name, parseCountMilli(fieldPath(field, written), count));
  }
  return Object.fromEntries(amounts);
}

/**
 * The name of a counter of your own, which is not that of a resource.
 *
 * @throws CapstanError INVALID_ARGUMENT or INVALID_SPEC
 */
export function parseCustomName(field: string, written: string): string {
  const name = parseResourceName(`${field} (a name)`, written);
  if (!(resourceNames as readonly string[]).includes(name)) return name;
  throw invalidSpec(fieldPath(field, name), `is not a counter; write it beside \`custom\``);
}
