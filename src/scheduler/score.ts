/**
 * Which worker is best for a task, of those that it fits: the one place where that is said.
 *
 * The score looks at one worker and one request and at nothing else, so that it holds until one of
 * the two changes. The order that follows from it is total: of equal scores, the lower index.
 *
 * @module
 */

import type { Attributes, Constraint } from "../model/constraints.ts";
import { dimension, type RequestVector } from "./dimensions.ts";
import { freeAmount, preferenceCount, type Room } from "./fit.ts";

/** A worker, as far as the score depends on it. */
export interface Seat extends Room {
  readonly attributes: Attributes;
  /** One entry per device dimension of the worker. */
  readonly deviceUse: { readonly size: number };
}

/** What is to be placed, as far as the score depends on it. */
export interface Wanted {
  readonly request: RequestVector;
  readonly resources: { readonly devices: { readonly length: number } };
  readonly constraints: readonly Constraint[];
}

/** The higher the better: preferences first, then room; devices are not wasted. */
export function scoreOf(seat: Seat, wanted: Wanted): number {
  const preferred = preferenceCount(seat.attributes, wanted.constraints);
  return preferred * 2 + freeShare(seat) - (wastesDevices(seat, wanted) ? 1 : 0);
}

/** The part of its slots for functions that is free. */
function freeShare(seat: Seat): number {
  const slots = seat.capacity[dimension.slots];
  return slots > 0 ? freeAmount(seat, dimension.slots) / slots : 0;
}

/** Work without devices goes to workers with devices last. */
function wastesDevices({ deviceUse }: Seat, { resources }: Wanted): boolean {
  return deviceUse.size > 0 && resources.devices.length === 0;
}
