/**
 * Resources in the canonical form of the API: `{ cpuMilli, memoryBytes, diskBytes, devices, custom
 * }`, integers throughout. What people write instead (`cpu: 4, memory: "8g"`) is parsed by
 * `parse-resources.ts`.
 *
 * @module
 */

import { anyVariant, canonicalResources } from "./canonical-resources.ts";
import { resourceEntryCountMax } from "./limits.ts";
import {
  fieldPath,
  invalidSpec,
  parseArray,
  parseFields,
  parsePlainObject,
} from "./parse-fields.ts";
import { parseWholeNumber } from "./parse-job-fields.ts";
import { parseCustomName, parseDeviceVariant, parseResourceName } from "./parse-resources.ts";
import type { DeviceAmount, Resources } from "./resources.ts";
import { defaultRequest } from "./resources.ts";

/** The API's form of a request. A member that is absent has the default of a task's request. */
export interface ResourcesRequest {
  /** Thousandths of a CPU. Default 1000. */
  readonly cpuMilli?: number | undefined;
  /** Default 0: not enforced. */
  readonly memoryBytes?: number | undefined;
  /** Default 0: not enforced. */
  readonly diskBytes?: number | undefined;
  readonly devices?: readonly DeviceRequest[] | undefined;
  /** Your own counters, in thousandths. */
  readonly custom?: { readonly [name: string]: number } | undefined;
}

/** The API's form of a request for devices. */
export interface DeviceRequest {
  readonly kind: string;
  /** Default `"auto"`: any. */
  readonly variant?: string | undefined;
  /** Thousandths of a device. Default 1000. */
  readonly countMilli?: number | undefined;
  /** Empty: which devices are granted is decided when the task is placed. */
  readonly indices?: readonly number[] | undefined;
}

const resourceNames = ["cpuMilli", "memoryBytes", "diskBytes", "devices", "custom"] as const;
const deviceNames = ["kind", "variant", "countMilli", "indices"] as const;

/**
 * A canonical request; all defaults for undefined.
 *
 * @throws CapstanError INVALID_ARGUMENT or INVALID_SPEC
 */
export function parseResourcesRequest(field: string, value: unknown): Resources {
  if (value === undefined) return defaultRequest;
  const raw = parseFields(field, value, resourceNames);
  const { cpuMilli = defaultRequest.cpuMilli, memoryBytes = 0, diskBytes = 0 } = raw;
  const { devices = [], custom = {} } = raw;
  const at = (name: string) => fieldPath(field, name);
  const entries = parseArray(at("devices"), devices, resourceEntryCountMax);
  return canonicalResources({
    cpuMilli: parseAmount(at("cpuMilli"), cpuMilli),
    memoryBytes: parseAmount(at("memoryBytes"), memoryBytes),
    diskBytes: parseAmount(at("diskBytes"), diskBytes),
    devices: entries.map((entry, index) => parseDevice(`${at("devices")}[${index}]`, entry)),
    custom: parseCustom(at("custom"), custom),
  });
}

function parseAmount(field: string, value: unknown): number {
  return parseWholeNumber(field, value, 0, Number.MAX_SAFE_INTEGER);
}

function parseDevice(field: string, value: unknown): DeviceAmount {
  const raw = parseFields(field, value, deviceNames);
  const { kind, variant = anyVariant, countMilli = 1000, indices = [] } = raw;
  if (parseArray(fieldPath(field, "indices"), indices, resourceEntryCountMax).length > 0) {
    const why = "which devices are granted is decided when the task is placed; leave it empty";
    throw invalidSpec(fieldPath(field, "indices"), why);
  }
  return {
    kind: parseResourceName(fieldPath(field, "kind"), kind),
    variant: parseDeviceVariant(fieldPath(field, "variant"), variant),
    countMilli: parseAmount(fieldPath(field, "countMilli"), countMilli),
    indices: [],
  };
}

function parseCustom(field: string, value: unknown): Resources["custom"] {
  const amounts = new Map<string, number>();
  const entries = Object.entries(parsePlainObject(field, value));
  if (entries.length > resourceEntryCountMax) {
    throw invalidSpec(field, `${entries.length} counters; at most ${resourceEntryCountMax}`);
  }
  for (const [written, milli] of entries) {
    const name = parseCustomName(field, written);
    if (amounts.has(name)) throw invalidSpec(fieldPath(field, name), "is given twice");
    amounts.set(name, parseAmount(fieldPath(field, written), milli));
  }
  return Object.fromEntries(amounts);
}
