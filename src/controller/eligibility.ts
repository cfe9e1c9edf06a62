/**
 * Which workers a queue may use at all, whatever is free there: its constraints, and their taints.
 *
 * A worker with the attribute `taint:<name>` takes only work that names that attribute in a
 * constraint of its own (`taint:<name> exists` tolerates it).
 *
 * @module
 */

import type { Attributes } from "../model/constraints.ts";
import {
  clauseOf,
  fitsEmpty,
  type Lack,
  lacksOf,
  type Misfit,
  satisfiesAll,
} from "../scheduler/fit.ts";
import type { ControllerState, Shape, Worker } from "./state.ts";

/** What makes an attribute a taint. */
export const taintPrefix = "taint:";

/** The taints among a worker's attributes; one that is `false` is none. */
export function taintsOf(attributes: Attributes): string[] {
  return Object.keys(attributes).filter(
    (key) => key.startsWith(taintPrefix) && attributes[key] !== "false",
  );
}

function tolerates(shape: Shape, taint: string): boolean {
  return shape.constraints.some(({ key }) => key === taint);
}

/** Whether constraints and taints let the shape run there. */
export function mayUse(worker: Worker, shape: Shape): boolean {
  if (shape.constraints.length === 0 && worker.taints.length === 0) return true;
  if (!satisfiesAll(worker.attributes, shape.constraints)) return false;
  return worker.taints.length === 0 || worker.taints.every((taint) => tolerates(shape, taint));
}

/** Whether the worker could run the shape if it were empty. */
export function canEverRun(state: ControllerState, shape: Shape, worker: Worker): boolean {
  return mayUse(worker, shape) && fitsEmpty(state.dimensions, worker.capacity, shape.request);
}

/** A clause that keeps a shape from a worker, as `Misfit`, or a taint. */
export type Obstacle = Omit<Misfit, "code"> & { readonly code: Misfit["code"] | "TAINT" };

/** Every clause that the worker does not meet when this much of it is in use. */
export function obstaclesOn(
  state: ControllerState,
  shape: Shape,
  worker: Worker,
  used: Float64Array,
): Obstacle[] {
  return lacksOn(state, shape, worker, used).map((lack) => {
    const { code, dimension, need, best } = lack;
    return { code, dimension, clause: clauseOfLack(lack), need, best };
  });
}

/** The same without words: to be counted by the thousand. */
export type LackOnWorker = Omit<Lack, "code"> & { readonly code: Obstacle["code"] };

/** What {@link obstaclesOn} says, without words. */
export function lacksOn(
  state: ControllerState,
  shape: Shape,
  { attributes, capacity, taints }: Worker,
  used: Float64Array,
): LackOnWorker[] {
  const lacks = lacksOf(state.dimensions, { room: { capacity, used }, attributes }, shape);
  if (taints.length === 0) return lacks;
  const kept = taints.filter((taint) => !tolerates(shape, taint));
  return [...kept.map(lackOfToleration), ...lacks];
}

function lackOfToleration(taint: string): LackOnWorker {
  return { code: "TAINT", dimension: taint, need: 0, best: 0, about: null };
}

/** What it is in words. */
export function clauseOfLack(lack: LackOnWorker): string {
  return lack.code === "TAINT" ? lack.dimension : clauseOf(lack);
}

/** What an empty worker lacks for a shape. */
export function obstaclesEmpty(state: ControllerState, shape: Shape, worker: Worker): Obstacle[] {
  return obstaclesOn(state, shape, worker, new Float64Array(worker.capacity.length));
}
