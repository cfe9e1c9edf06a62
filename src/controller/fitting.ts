/**
 * Whether a task fits a worker now: the exact answer, which every index only prepares.
 *
 * @module
 */

import { anyVariant } from "../model/canonical-resources.ts";
import { fitsDevices } from "../scheduler/devices.ts";
import type { RequestVector } from "../scheduler/dimensions.ts";
import { fitsOne, freeAmount, type Room } from "../scheduler/fit.ts";
import { mayUse } from "./eligibility.ts";
import { chooseSpecialGrant, knowsItsDevices } from "./grants.ts";
import { roomFor } from "./reservations.ts";
import { type ControllerState, isOpen, type Shape, type Worker } from "./state.ts";

/** Whether one attempt of the shape fits what it may use of the worker now. */
export function fits(state: ControllerState, worker: Worker, shape: Shape): boolean {
  if (!fitsOne(worker, shape.request)) return false; // What is kept for others makes it no more.
  const room = roomFor(state, worker, shape);
  if (room !== worker && !fitsOne(room, shape.request)) return false;
  return !asksDevices(shape) || getsDevices(state, worker, room, shape);
}

/** Whether `chooseSpecialGrant` would find the devices; of one request without choosing them. */
function getsDevices(state: ControllerState, worker: Worker, room: Room, shape: Shape): boolean {
  const { devices } = shape.resources;
  if (devices.length > 1) return chooseSpecialGrant(state, worker, room, shape) !== null;
  if (!knowsItsDevices(worker)) return false;
  const [{ kind, variant, countMilli }] = devices;
  const { amounts } = shape.request;
  for (const [index, use] of worker.deviceUse) {
    const isWanted =
      variant === anyVariant ? state.dimensions.kinds[index] === kind : amounts[index] > 0;
    if (!isWanted || freeAmount(room, index) < countMilli) continue;
    if (fitsDevices(use, worker.capacity[index], countMilli)) return true;
  }
  return false;
}

/** Whether placement may put one attempt of the shape there now. */
export function takes(state: ControllerState, worker: Worker, shape: Shape): boolean {
  return isOpen(worker) && mayUse(worker, shape) && fits(state, worker, shape);
}

/** Whether it could once an attempt there has given this back, which names no devices. */
export function takesAfter(
  state: ControllerState,
  worker: Worker,
  shape: Shape,
  { used: given, amounts }: RequestVector,
): boolean {
  if (!isOpen(worker) || !mayUse(worker, shape)) return false;
  const { capacity, used: before } = roomFor(state, worker, shape);
  const used = before.slice();
  for (const index of given) used[index] -= amounts[index];
  const room = { capacity, used };
  if (!fitsOne(room, shape.request)) return false;
  return !asksDevices(shape) || getsDevices(state, worker, room, shape);
}

export function asksDevices(shape: Shape): boolean {
  return shape.resources.devices.length > 0;
}
