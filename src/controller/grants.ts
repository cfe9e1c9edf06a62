/**
 * Which devices an attempt gets: a variant where any will do, and indices.
 *
 * @module
 */

import { anyVariant } from "../model/canonical-resources.ts";
import type { DeviceAmount } from "../model/resources.ts";
import { chooseDeviceIndices } from "../scheduler/devices.ts";
import { deviceDimension } from "../scheduler/dimensions.ts";
import { fitCount, freeAmount, type Room } from "../scheduler/fit.ts";
import type { ControllerState, Shape, Worker } from "./state.ts";

/** A grant with its devices by index. */
export interface ChosenGrant {
  readonly grant: Float64Array;
  readonly devices: readonly DeviceAmount[];
}

/** What an attempt of a shape that asks for devices gets on a worker; null if it does not fit. */
export function chooseSpecialGrant(
  state: ControllerState,
  worker: Worker,
  room: Room,
  shape: Shape,
): ChosenGrant | null {
  const { request, resources } = shape;
  if (!knowsItsDevices(worker)) return null;
  if (fitCount(room, request, 1) < 1) return null;
  const grant = new Float64Array(state.dimensions.count);
  grant.set(request.amounts);
  const devices: DeviceAmount[] = [];
  const taken = new Map<number, number[]>();
  // What is named goes first: it has no choice.
  for (const asked of [...resources.devices].sort(byFreedom)) {
    const chosen = chooseDevices(state, { worker, room, grant, taken }, asked);
    if (chosen === null) return null;
    devices.push(chosen);
  }
  return { grant, devices };
}

/** Which devices a foundling uses nobody knows until it has ended. */
export function knowsItsDevices({ foundlings }: Worker): boolean {
  return foundlings.size === 0;
}

function byFreedom(a: DeviceAmount, b: DeviceAmount): number {
  return Number(a.variant === anyVariant) - Number(b.variant === anyVariant);
}

interface Choice {
  readonly worker: Worker;
  readonly room: Room;
  /** Grows with what is chosen; named devices are in it from the start. */
  readonly grant: Float64Array;
  /** Device dimension → use with what this request has taken already. */
  readonly taken: Map<number, number[]>;
}

function chooseDevices(
  state: ControllerState,
  choice: Choice,
  asked: DeviceAmount,
): DeviceAmount | null {
  const { kind, countMilli } = asked;
  if (asked.variant !== anyVariant) {
    const index = state.dimensions.intern(deviceDimension(kind, asked.variant));
    return takeIndices(choice, index, asked);
  }
  const prefix = deviceDimension(kind, "");
  for (const index of choice.worker.deviceUse.keys()) {
    const name = state.dimensions.names[index];
    if (!name.startsWith(prefix)) continue;
    if (freeAmount(choice.room, index) - choice.grant[index] < countMilli) continue;
    const found = takeIndices(choice, index, { ...asked, variant: name.slice(prefix.length) });
    if (found === null) continue;
    choice.grant[index] += countMilli;
    return found;
  }
  return null;
}

function takeIndices(choice: Choice, index: number, asked: DeviceAmount): DeviceAmount | null {
  const { worker, taken } = choice;
  const use = taken.get(index) ?? worker.deviceUse.get(index)?.slice();
  if (use === undefined) return null;
  const shares = chooseDeviceIndices(use, worker.capacity[index], asked.countMilli);
  if (shares === null) return null;
  for (const share of shares) use[share.index] += share.milli;
  taken.set(index, use);
  // Whole devices first: what is left of the count is the part of the last one.
  const ordered = [...shares].sort((a, b) => b.milli - a.milli || a.index - b.index);
  return { ...asked, indices: ordered.map((share) => share.index) };
}
