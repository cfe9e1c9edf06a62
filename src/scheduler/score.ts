/**
 * Which worker is best for a task, of those that it fits: the one place where that is said.
 *
 * The score looks at one worker, one request and the demand, and at nothing else, so that it holds
 * until one of the three changes. The order that follows from it is total: of equal scores, the
 * lower index.
 *
 * @module
 */

import type { Constraint } from "../model/constraints.ts";
import type { ActorPart } from "../model/spec.ts";
import { dimension, type RequestVector } from "./dimensions.ts";
import { freeAmount, preferenceCount, type Room } from "./fit.ts";
import { type Demand, type DeviceSeat, freeDeviceMilli, strandedBy } from "./fragmentation.ts";

/** A worker, as far as the score depends on it. */
export type Seat = DeviceSeat;

/** What is to be placed, as far as the score depends on it. */
export interface Wanted {
  readonly request: RequestVector;
  readonly resources: { readonly devices: { readonly length: number } };
  readonly constraints: readonly Constraint[];
  /** Default null. */
  readonly part?: ActorPart | null;
}

/**
 * The higher the better. Preferences come first. Then work without devices keeps away from workers
 * with devices; on workers without, functions and actors go where most slots for them are free, and
 * programs where the least room is left. Where there are devices, work goes where it strands the
 * least of what is usually asked for, and to the fullest of those.
 */
export function scoreOf(seat: Seat, wanted: Wanted, demand: Demand): number {
  const preferred = preferenceCount(seat.attributes, wanted.constraints) * 2;
  if (seat.deviceUse.size === 0) return preferred + shareOf(seat, wanted);
  const misuse = wanted.resources.devices.length === 0 ? 1 : 0;
  const cost = strandedBy(seat, wanted.request, demand) + emptiness(seat);
  return preferred - misuse - cost / costMilliMax;
}

/**
 * Whether workers with the same capacity and the same use have the same score, whatever their
 * attributes are.
 */
export function isBlindToAttributes({ constraints }: Wanted, { classes }: Demand): boolean {
  return constraints.length === 0 && classes.every((one) => one.constraints.length === 0);
}

/** What is free, in thousandths of a stranded device: work fills workers up one after the other. */
function emptiness(seat: Seat): number {
  return (
    freeDeviceMilli(seat) / devicePerStranded +
    freeAmount(seat, dimension.cpu) / cpuMilliPerStranded +
    freeAmount(seat, dimension.memory) / bytesPerStranded
  );
}

/** What weighs as much as a thousandth of a device that is stranded: found by trial, see ADR 18. */
const devicePerStranded = 160;
const cpuMilliPerStranded = 128_000 / 30;
const bytesPerStranded = 1024 ** 4 / 30;

/** Keeps the cost below a preference, and never rounds it. */
const costMilliMax = 1e7;

/**
 * Functions are spread over workers without devices; programs fill them up. Actors are spread too:
 * each has a thread in its worker's process, and ends with it.
 */
function shareOf(seat: Seat, { request, part = null }: Wanted): number {
  const isProgram = (request.amounts[dimension.commandSlots] ?? 0) > 0;
  if (part === "actor") return freeShare(seat, dimension.commandSlots);
  return isProgram ? -emptiness(seat) / costMilliMax : freeShare(seat, dimension.slots);
}

/** The part of its slots of a kind that is free. */
function freeShare(seat: Room, kind: number): number {
  const slots = seat.capacity[kind];
  return slots > 0 ? freeAmount(seat, kind) / slots : 0;
}
