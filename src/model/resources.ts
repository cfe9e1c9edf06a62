/**
 * Resource vectors. Amounts are integers: CPU, fractional devices and custom counters in
 * thousandths, memory and disk in bytes. Three tasks of 0.1 fit a capacity of 0.3.
 *
 * @module
 */

/** Devices of one kind and variant, in thousandths of one device. */
export interface DeviceAmount {
  /** `"gpu"`, `"tpu"`, …, lower case. */
  readonly kind: string;
  /** Lower case; `"auto"` in a request means any. */
  readonly variant: string;
  readonly countMilli: number;
  /** Which devices were granted; empty in a request and in a capacity. */
  readonly indices: readonly number[];
}

/** A request, a grant or a capacity. `custom` counts in thousandths, by lower-case name. */
export interface Resources {
  readonly cpuMilli: number;
  readonly memoryBytes: number;
  readonly diskBytes: number;
  readonly devices: readonly DeviceAmount[];
  readonly custom: { readonly [name: string]: number };
}

export const noResources: Resources = {
  cpuMilli: 0,
  memoryBytes: 0,
  diskBytes: 0,
  devices: [],
  custom: {},
};

/** What a task asks for when it says nothing: one CPU, nothing else enforced. */
export const defaultRequest: Resources = { ...noResources, cpuMilli: 1000 };
