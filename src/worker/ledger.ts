/**
 * Resource amounts by dimension, so that fitting is a few integer comparisons.
 *
 * The controller's grant is what enforces resources; the worker checks again, because something
 * that was stopped may still be running. A device request names its kind, and its variant unless
 * that is `auto`; each is a dimension of its own. It must not choose device indices.
 *
 * @module
 */

import type { Resources } from "../model/resources.ts";

/** Pairs (dimension, amount), dimensions rising, amounts positive integers. */
export type Amounts = readonly number[];

/** What the worker has, by dimension. Fixed for the life of the process. */
export interface Capacity {
  readonly dimensions: ReadonlyMap<string, number>;
  readonly amounts: readonly number[];
}

function* namedAmounts(resources: Resources): Generator<[string, number]> {
  yield ["cpu", resources.cpuMilli];
  yield ["memory", resources.memoryBytes];
  yield ["disk", resources.diskBytes];
  for (const device of resources.devices) {
    yield [`device ${device.kind.toLowerCase()}`, device.countMilli];
    const variant = device.variant.toLowerCase();
    if (variant !== "auto") {
      yield [`device ${device.kind.toLowerCase()}:${variant}`, device.countMilli];
    }
  }
  for (const name of Object.keys(resources.custom)) {
    yield [`custom ${name.toLowerCase()}`, resources.custom[name]];
  }
}

export function capacityOf(resources: Resources): Capacity {
  const dimensions = new Map<string, number>();
  const amounts: number[] = [];
  for (const [name, amount] of namedAmounts(resources)) {
    const known = dimensions.get(name);
    if (known !== undefined) amounts[known] += amount;
    else {
      dimensions.set(name, amounts.length);
      amounts.push(amount);
    }
  }
  return { dimensions, amounts };
}

/** What a request takes. Dimensions that this worker does not have are left out. */
export function amountsOf(capacity: Capacity, request: Resources): Amounts {
  const taken = new Map<number, number>();
  for (const [name, amount] of namedAmounts(request)) {
    const dimension = capacity.dimensions.get(name);
    if (amount === 0 || dimension === undefined) continue;
    taken.set(dimension, (taken.get(dimension) ?? 0) + amount);
  }
  const byDimension = [...taken].sort((a, b) => a[0] - b[0]);
  return byDimension.flat();
}

/** What of a request its execution still holds while it waits for tasks of its own. */
export function amountsYielded(capacity: Capacity, request: Resources): Amounts {
  return amountsOf(capacity, { ...request, cpuMilli: 0 });
}

/** Whether this worker could hold a request when it is empty. */
export function couldHold(capacity: Capacity, request: Resources): boolean {
  for (const [name, amount] of namedAmounts(request)) {
    if (amount !== 0 && !capacity.dimensions.has(name)) return false;
  }
  const unused = capacity.amounts.map(() => 0);
  return amountsFit(capacity, unused, amountsOf(capacity, request));
}

/** Whether a request asks for anything besides CPU. */
export function asksBeyondCpu(request: Resources): boolean {
  for (const [name, amount] of namedAmounts(request)) {
    if (amount !== 0 && name !== "cpu") return true;
  }
  return false;
}

export function amountsFit(capacity: Capacity, used: readonly number[], amounts: Amounts): boolean {
  for (let i = 0; i < amounts.length; i += 2) {
    if (used[amounts[i]] + amounts[i + 1] > capacity.amounts[amounts[i]]) return false;
  }
  return true;
}

/** Adds (`sign` 1) or gives back (`sign` -1). Only `apply` calls it. */
export function charge(used: number[], amounts: Amounts, sign: 1 | -1): void {
  for (let i = 0; i < amounts.length; i += 2) used[amounts[i]] += sign * amounts[i + 1];
}
