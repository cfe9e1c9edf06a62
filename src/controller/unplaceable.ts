/**
 * What no present worker could ever run, even empty: it is accepted, with a warning that names the
 * nearest worker, because capacity may join.
 *
 * @module
 */

import { anyVariant } from "../model/canonical-resources.ts";
import type { Resources } from "../model/resources.ts";
import { deviceDimension } from "../scheduler/dimensions.ts";
import { explainGang } from "../scheduler/gang.ts";
import { canEverRun, lacksOn, type Obstacle, obstaclesEmpty } from "./eligibility.ts";
import { groupsOf } from "./fleet.ts";
import { gangCandidates, launchOfGang } from "./gang-placement.ts";
import { type ControllerState, isHealthy, type Shape, type Worker } from "./state.ts";

/** A warning about a request that was accepted. */
export interface SubmitWarning {
  readonly code: "UNPLACEABLE";
  readonly message: string;
  readonly nearestWorkerId: string;
  /** What the nearest worker would need besides what it has. */
  readonly missing: Resources;
}

/** At most one warning: that no present worker, or group of them, could run the shape. */
export function unplaceableWarnings(
  state: ControllerState,
  shape: Shape,
  replicas: number,
): SubmitWarning[] {
  if (!state.workers.some((worker) => isHealthy(worker) && canEverRun(state, shape, worker))) {
    const present = state.workers.filter(isHealthy);
    return present.length === 0 ? [] : [nearestWarning(state, shape, present)];
  }
  const groupBy = launchOfGang(state, shape)?.spec.task.groupBy;
  if (groupBy === undefined) return [];
  for (const { able } of groupsOf(state, shape, groupBy).groups.values()) {
    if (able.size >= replicas) return [];
  }
  const { verdict, withAttribute, groups } = explainGang(gangCandidates(state, shape), replicas);
  if (verdict === "NO_ATTRIBUTE") {
    return [plainWarning(`no present worker has the attribute ${groupBy}, by which it is grouped`)];
  }
  if (verdict !== "TOO_SMALL") return [];
  const largest = groups.reduce((most, group) => Math.max(most, group.able), 0);
  const where = `${withAttribute} workers have ${groupBy}, the largest group that could run it`;
  return [
    plainWarning(`a gang of ${replicas} needs as many workers of one group: ${where} ${largest}`),
  ];
}

function plainWarning(message: string): SubmitWarning {
  const missing = { cpuMilli: 0, memoryBytes: 0, diskBytes: 0, devices: [], custom: {} };
  return { code: "UNPLACEABLE", message, nearestWorkerId: "", missing };
}

function nearestWarning(
  state: ControllerState,
  shape: Shape,
  present: readonly Worker[],
): SubmitWarning {
  const { workerId, misfits } = nearestWorker(state, shape, present);
  const clauses = misfits.map((misfit) => misfit.clause).join("; ");
  const nearest = `the nearest is ${workerId}, where it lacks`;
  const message = `no present worker can ever run this; ${nearest}: `;
  const missing = missingOf(shape, misfits);
  return {
    code: "UNPLACEABLE",
    message: `${message}${clauses}`,
    nearestWorkerId: workerId,
    missing,
  };
}

/** The worker with the fewest missing clauses; of several, the one that misses least. */
export function nearestWorker(
  state: ControllerState,
  shape: Shape,
  present: readonly Worker[],
): { workerId: string; misfits: readonly Obstacle[] } {
  const lacksAt = (worker: Worker) =>
    lacksOn(state, shape, worker, new Float64Array(worker.capacity.length));
  let [best] = present;
  let least = lacksAt(best);
  for (const worker of present) {
    const lacks = lacksAt(worker);
    const gap = lacks.length - least.length || shortageOf(lacks) - shortageOf(least);
    if (gap < 0) [best, least] = [worker, lacks];
  }
  return { workerId: best.workerId, misfits: obstaclesEmpty(state, shape, best) };
}

/** What is missing as a part of what is needed, all clauses together. */
function shortageOf(misfits: readonly { readonly need: number; readonly best: number }[]): number {
  return misfits.reduce((sum, { need, best }) => sum + (need > 0 ? (need - best) / need : 1), 0);
}

function missingOf(shape: Shape, misfits: readonly Obstacle[]): Resources {
  const short = (name: string) => {
    // The key of a constraint may be called like a resource.
    const misfit = misfits.find(({ dimension, need }) => dimension === name && need > 0);
    return misfit === undefined ? 0 : misfit.need - misfit.best;
  };
  const devices = shape.resources.devices.map((device) => {
    const { kind, variant } = device;
    const name = variant === anyVariant ? kind : deviceDimension(kind, variant);
    return { ...device, countMilli: short(name) };
  });
  const custom: { [name: string]: number } = {};
  for (const name of Object.keys(shape.resources.custom)) {
    const amount = short(`custom:${name}`);
    if (amount > 0) custom[name] = amount;
  }
  return {
    cpuMilli: short("cpu"),
    memoryBytes: short("memory"),
    diskBytes: short("disk"),
    devices: devices.filter(({ countMilli }) => countMilli > 0),
    custom,
  };
}
