/**
 * Whether a task fits a worker now: the exact answer, which every index only prepares.
 *
 * @module
 */

import { fitsOne } from "../scheduler/fit.ts";
import { mayUse } from "./eligibility.ts";
import { chooseSpecialGrant } from "./grants.ts";
import { roomFor } from "./reservations.ts";
import { type ControllerState, isOpen, type Shape, type Worker } from "./state.ts";

/** Whether one attempt of the shape fits what it may use of the worker now. */
export function fits(state: ControllerState, worker: Worker, shape: Shape): boolean {
  if (!fitsOne(worker, shape.request)) return false; // What is kept for others makes it no more.
  const room = roomFor(state, worker, shape);
  if (room !== worker && !fitsOne(room, shape.request)) return false;
  return !asksDevices(shape) || chooseSpecialGrant(state, worker, room, shape) !== null;
}

/** Whether placement may put one attempt of the shape there now. */
export function takes(state: ControllerState, worker: Worker, shape: Shape): boolean {
  return isOpen(worker) && mayUse(worker, shape) && fits(state, worker, shape);
}

export function asksDevices(shape: Shape): boolean {
  return shape.resources.devices.length > 0;
}
