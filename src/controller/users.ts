/**
 * Users: whose turn it is, and what they may hold.
 *
 * @module
 */

import { anyVariant } from "../model/canonical-resources.ts";
import { budgetDefaults, type UserBudget } from "../model/job.ts";
import type { DeviceAmount } from "../model/resources.ts";
import { bandCode } from "../model/states.ts";
import { deviceDimension, dimension, requestVector } from "../scheduler/dimensions.ts";
import { dominantShare } from "../scheduler/fair-order.ts";
import type { ControllerState, Job, Shape, User, Worker } from "./state.ts";

/** The limits of a user, configured or by default. */
export function budgetOf(state: ControllerState, user: string): UserBudget {
  return state.access.budgets.get(user) ?? { user, ...budgetDefaults };
}

/** Index into `bands` that a shape competes in now: past its budget a user's work is batch. */
export function effectiveBand(state: ControllerState, shape: Shape): number {
  const band = bandCode[shape.band];
  if (band !== bandCode.interactive || state.access.budgets.size === 0) return band;
  const user = state.users[shape.user];
  const { budget } = budgetOf(state, user.name);
  return budget > 0 && user.spend > budget ? bandCode.batch : band;
}

/** What all workers that are not lost have, by dimension; nobody writes into it. */
export function clusterTotal(state: ControllerState): Float64Array {
  const known = state.fleet.total;
  if (known !== null && known.length >= state.dimensions.count) return known;
  const total = new Float64Array(state.dimensions.count);
  state.fleet.total = total;
  for (const worker of state.workers) if (!worker.lost) countCapacity(state, worker, 1);
  return total;
}

/** A worker that is not lost has come (1), or has gone or changes (-1). */
export function countCapacity({ fleet }: ControllerState, worker: Worker, sign: 1 | -1): void {
  const { total } = fleet;
  const { capacity } = worker;
  if (total === null) return;
  if (capacity.length > total.length) {
    fleet.total = null; // Of more dimensions than were known: added up when it is asked for.
    return;
  }
  for (let i = 0; i < capacity.length; i++) total[i] += sign * capacity[i];
}

/** The weighted dominant share of a user. */
export function shareOf(state: ControllerState, user: User, total: Float64Array): number {
  return dominantShare(user.used, total, budgetOf(state, user.name).weight);
}

/** How many more attempts of a shape the user's cap allows, at most `limit`. */
export function capCount(state: ControllerState, shape: Shape, limit: number): number {
  if (state.access.budgets.size === 0) return limit;
  const user = state.users[shape.user];
  const { cap } = budgetOf(state, user.name);
  if (cap === null) return limit;
  const capped = requestVector(state.dimensions, cap);
  let count = limit;
  for (const index of shape.request.used) {
    const most = capped.amounts[index] ?? 0;
    if (most === 0 || index === dimension.slots || index === dimension.commandSlots) continue;
    const left = most - (user.used[index] ?? 0);
    count = Math.min(count, Math.floor(left / shape.request.amounts[index]));
  }
  for (const capOfDevices of cap.devices) {
    const asked = askedOf(shape, capOfDevices);
    if (asked === 0) continue;
    const left = capOfDevices.countMilli - usedOf(state, user, capOfDevices);
    count = Math.min(count, Math.floor(left / asked));
  }
  return Math.max(0, count);
}

/**
 * Thousandths of what a cap is about that one attempt may come to hold. A request for any variant
 * may get the one that is capped, so it counts; a cap on any variant counts them all.
 */
function askedOf(shape: Shape, { kind, variant }: DeviceAmount): number {
  let asked = 0;
  for (const device of shape.resources.devices) {
    const variants = [device.variant, variant];
    if (device.kind !== kind || !variants.includes(anyVariant)) continue;
    asked += device.countMilli;
  }
  return asked;
}

function usedOf(state: ControllerState, user: User, { kind, variant }: DeviceAmount): number {
  const isAny = variant === anyVariant;
  const prefix = deviceDimension(kind, isAny ? "" : variant);
  let used = 0;
  for (const [index, name] of state.dimensions.names.entries()) {
    if (isAny ? name.startsWith(prefix) : name === prefix) used += user.used[index] ?? 0;
  }
  return used;
}

/** Whether some user has a cap: what ends anywhere may then let work start everywhere. */
export function hasCap(state: ControllerState, user: User): boolean {
  return state.access.budgets.size > 0 && budgetOf(state, user.name).cap !== null;
}

/** Keeps the sum of a user's tasks that have not ended. */
export function countOpenTasks(state: ControllerState, job: Job, change: number): void {
  state.users[job.userIndex].openTasks += change;
}
