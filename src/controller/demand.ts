/**
 * What is asked of devices, as the cluster has seen it: how often each request was submitted. The
 * score of a worker depends on it (`scheduler/fragmentation.ts`).
 *
 * It is computed anew when what was counted has grown several times, so that scores stay what they
 * are for long. Volatile: a controller that starts learns it again.
 *
 * @module
 */

import { type Demand, demandOf } from "../scheduler/fragmentation.ts";
import { demandClassesMax, demandCountMin, demandGrowth } from "../scheduler/limits.ts";
import { type ControllerState, shapeOf } from "./state.ts";

/** A task is asked for, for the first time. */
export function countDemand(state: ControllerState, task: number): void {
  const shape = shapeOf(state, task);
  if (shape.resources.devices.length === 0) return;
  const { demand } = state;
  shape.askedCount++;
  demand.count++;
  if (demand.count < demand.dueAt) return;
  demand.dueAt = Math.max(demandCountMin, demand.count * demandGrowth);
  refreshDemand(state);
}

/** Devices of a variant that was not known: what is asked for may fit there. */
export function meetDimensions(state: ControllerState): void {
  const { demand } = state.demand;
  if (demand.classes.length > 0 && demand.kinds.length < state.dimensions.count) {
    refreshDemand(state);
  }
}

function refreshDemand(state: ControllerState): void {
  state.demand.version++;
  state.demand.demand = computeDemand(state);
}

function computeDemand(state: ControllerState): Demand {
  const asked = state.shapes.filter(({ askedCount, specCount }) => askedCount > 0 && specCount > 0);
  const entries = asked.map(({ request, resources, constraints, askedCount }) => {
    return { request, devices: resources.devices, constraints, count: askedCount };
  });
  return demandOf(entries, state.dimensions, demandClassesMax);
}
