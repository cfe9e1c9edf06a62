/**
 * Does a request fit a worker? The same code answers for placement (yes or no, how many, with what
 * grant) and for `explain` (which clause says no, by how much).
 *
 * A worker that has no entry for a dimension has none of it: unknown resources never fit.
 *
 * @module
 */

import type { Attributes, Constraint } from "../model/constraints.ts";
import { describeAmount, titleOf } from "./describe-amount.ts";
import type { Dimensions, RequestVector } from "./dimensions.ts";
import { deviceDimension } from "./dimensions.ts";

/** What a worker has and has given away, by dimension. */
export interface Room {
  readonly capacity: Float64Array;
  readonly used: Float64Array;
}

export function freeAmount(room: Room, index: number): number {
  return index < room.capacity.length ? room.capacity[index] - room.used[index] : 0;
}

/** How many more attempts of this request fit, at most `limit`. */
export function fitCount(room: Room, request: RequestVector, limit: number): number {
  let count = limit;
  for (const index of request.used) {
    count = Math.min(count, Math.floor(freeAmount(room, index) / request.amounts[index]));
  }
  return Math.max(count, 0); // A worker whose capacity shrank may have less than nothing.
}

/** Whether one more attempt of this request fits. */
export function fitsOne(room: Room, { used, amounts }: RequestVector): boolean {
  for (let i = 0; i < used.length; i++) {
    const index = used[i];
    if (freeAmount(room, index) < amounts[index]) return false;
  }
  return true;
}

/**
 * What one attempt of `request` is granted on a worker with this room, or null if it does not fit.
 * The vector is the request's own unless the worker had to choose a device variant.
 */
export function chooseGrant(
  dimensions: Dimensions,
  room: Room,
  request: RequestVector,
): Float64Array | null {
  if (fitCount(room, request, 1) < 1) return null;
  if (request.anyVariant.length === 0) return request.amounts;
  const grant = new Float64Array(Math.max(dimensions.count, request.amounts.length));
  grant.set(request.amounts);
  for (const wanted of request.anyVariant) {
    const chosen = chooseVariant(dimensions, room, grant, wanted);
    if (chosen === -1) return null;
    grant[chosen] += wanted.countMilli;
  }
  return grant;
}

/** The dimension of the first variant of a kind that still has room; -1 for none. */
function chooseVariant(
  dimensions: Dimensions,
  room: Room,
  grant: Float64Array,
  wanted: { readonly kind: string; readonly countMilli: number },
): number {
  const prefix = deviceDimension(wanted.kind, "");
  for (const [index, name] of dimensions.names.entries()) {
    if (!name.startsWith(prefix)) continue;
    if (freeAmount(room, index) - grant[index] >= wanted.countMilli) return index;
  }
  return -1;
}

/** Whether the request would fit the worker if it were empty. */
export function fitsEmpty(
  dimensions: Dimensions,
  capacity: Float64Array,
  request: RequestVector,
): boolean {
  const { used, amounts } = request;
  for (let i = 0; i < used.length; i++) {
    const index = used[i];
    if (index >= capacity.length || capacity[index] < amounts[index]) return false;
  }
  if (request.anyVariant.length === 0) return true;
  const empty = { capacity, used: new Float64Array(capacity.length) };
  return chooseGrant(dimensions, empty, request) !== null;
}

/** Whether the worker's attributes satisfy every required constraint. */
export function satisfiesAll(attributes: Attributes, constraints: readonly Constraint[]): boolean {
  for (let i = 0; i < constraints.length; i++) {
    const one = constraints[i];
    if (one.mode !== "PREFERRED" && !satisfies(attributes, one)) return false;
  }
  return true;
}

/** How many of the preferred constraints the worker satisfies. */
export function preferenceCount(
  attributes: Attributes,
  constraints: readonly Constraint[],
): number {
  let count = 0;
  for (let i = 0; i < constraints.length; i++) {
    const one = constraints[i];
    if (one.mode === "PREFERRED" && satisfies(attributes, one)) count++;
  }
  return count;
}

/** One clause against one worker. A missing attribute satisfies only `not-exists` and `!=`. */
export function satisfies(attributes: Attributes, constraint: Constraint): boolean {
  const has = Object.hasOwn(attributes, constraint.key);
  if (constraint.op === "exists") return has;
  if (constraint.op === "not-exists") return !has;
  if (!has) return constraint.op === "!=";
  const actual = attributes[constraint.key];
  if (constraint.op === "in") return constraint.values.includes(actual);
  if (constraint.op === "=") return actual === constraint.values[0];
  if (constraint.op === "!=") return actual !== constraint.values[0];
  return ordered(Number(actual), constraint.op, Number(constraint.values[0]));
}

function ordered(left: number, op: ">" | ">=" | "<" | "<=", right: number): boolean {
  switch (op) {
    case ">":
      return left > right;
    case ">=":
      return left >= right;
    case "<":
      return left < right;
    default:
      return left <= right;
  }
}

/** One clause that a worker does not meet, and by how much. */
export interface Misfit {
  readonly code: "INSUFFICIENT" | "DEVICE_KIND" | "DEVICE_VARIANT" | "CONSTRAINT" | "SLOTS";
  /** The dimension, or the constraint's key. */
  readonly dimension: string;
  readonly clause: string;
  readonly need: number;
  readonly best: number;
}

/** A constraint as people write it: `region in eu,us`, `ssd exists`. */
export function describeConstraint({ key, op, values }: Constraint): string {
  return `${key} ${op} ${values.join(",")}`.trimEnd();
}

/** A misfit without words: to be counted by the thousand. */
export interface Lack extends Omit<Misfit, "clause"> {
  /** The constraint that is not met; `kind` where any variant would do, else null. */
  readonly about: Constraint | "kind" | null;
}

/** Every clause of a request that a worker with this room does not meet; empty if it fits. */
export function misfitsOf(
  dimensions: Dimensions,
  worker: { readonly room: Room; readonly attributes: Attributes },
  wanted: { readonly request: RequestVector; readonly constraints: readonly Constraint[] },
): Misfit[] {
  return lacksOf(dimensions, worker, wanted).map((lack) => {
    const { code, dimension, need, best } = lack;
    return { code, dimension, clause: clauseOf(lack), need, best };
  });
}

/** What a lack is in words. */
export function clauseOf({ about, dimension, need, best }: Omit<Lack, "code">): string {
  if (about === "kind") return `${dimension} x ${need / 1000}`;
  if (about !== null) return describeConstraint(about);
  const [has, wants] = [best, need].map((amount) => describeAmount(dimension, amount));
  return `${titleOf(dimension)} ${has} < ${wants}`;
}

/** The same as {@link misfitsOf}, without words. */
export function lacksOf(
  dimensions: Dimensions,
  worker: { readonly room: Room; readonly attributes: Attributes },
  wanted: { readonly request: RequestVector; readonly constraints: readonly Constraint[] },
): Lack[] {
  const lacks: Lack[] = [];
  for (const about of wanted.constraints) {
    if (about.mode === "PREFERRED" || satisfies(worker.attributes, about)) continue;
    lacks.push({ code: "CONSTRAINT", dimension: about.key, need: 0, best: 0, about });
  }
  for (const index of wanted.request.used) {
    const best = freeAmount(worker.room, index);
    const need = wanted.request.amounts[index];
    if (best >= need) continue;
    const code = codeOfShortage(dimensions, worker.room, index);
    lacks.push({ code, dimension: dimensions.names[index], need, best, about: null });
  }
  for (const { kind, countMilli } of wanted.request.anyVariant) {
    const best = bestOfKind(dimensions, worker.room, kind);
    if (best >= countMilli) continue;
    const code = hasKind(dimensions, worker.room, kind) ? "INSUFFICIENT" : "DEVICE_KIND";
    lacks.push({ code, dimension: kind, need: countMilli, best, about: "kind" });
  }
  return lacks;
}

function codeOfShortage(dimensions: Dimensions, room: Room, index: number): Misfit["code"] {
  const name = dimensions.names[index];
  if (name === "slots" || name === "command slots") return "SLOTS";
  if (!name.startsWith("device:") || (room.capacity[index] ?? 0) > 0) return "INSUFFICIENT";
  return hasKind(dimensions, room, name.split(":")[1]) ? "DEVICE_VARIANT" : "DEVICE_KIND";
}

/** Whether the worker has a device of this kind, in use or not. */
function hasKind(dimensions: Dimensions, { capacity }: Room, kind: string): boolean {
  const used = new Float64Array(capacity.length);
  return bestOfKind(dimensions, { capacity, used }, kind) > 0;
}

function bestOfKind(dimensions: Dimensions, room: Room, kind: string): number {
  const prefix = deviceDimension(kind, "");
  let best = 0;
  for (const [index, name] of dimensions.names.entries()) {
    if (name.startsWith(prefix)) best = Math.max(best, freeAmount(room, index));
  }
  return best;
}
