/**
 * A rule about the order of placement: work that is sent ahead to a worker takes over what an
 * attempt of its kind gives back there, so nobody who goes before it may wait for just that.
 *
 * It compares bands and priorities alone, and amounts by hand: it knows nothing of how the kernel
 * decides.
 *
 * @module
 */

import { InvariantError } from "../base/assert.ts";
import { mayUse } from "../controller/eligibility.ts";
import type { Fact } from "../controller/facts.ts";
import { isPlacementPaused } from "../controller/placement-budget.ts";
import { headTask } from "../controller/queue-order.ts";
import {
  type ControllerState,
  isOpen,
  type Shape,
  shapeOf,
  taskIdOf,
  type Worker,
} from "../controller/state.ts";
import { capCount, effectiveBand } from "../controller/users.ts";

/** Throws InvariantError if a step has sent work ahead of what goes before it. */
export function checkSentAhead(state: ControllerState, facts: readonly Fact[]): void {
  if (state.queuedShapes.size === 0 || isPlacementPaused(state)) return;
  for (const fact of facts) {
    if (fact.type !== "attempts-assigned") continue;
    for (const [entry, task] of fact.tasks.entries()) {
      if (fact.prefetched[entry] === 0 || !state.tasks.isLive(task)) continue;
      const worker = state.workers[fact.workers[entry]];
      const passedOver = firstPassedOver(state, worker, shapeOf(state, task));
      if (passedOver === null) continue;
      const ids = [taskIdOf(state, task), taskIdOf(state, headTask(passedOver)), worker.workerId];
      throw new InvariantError("work is not sent ahead past what goes before it", ids);
    }
  }
}

function firstPassedOver(state: ControllerState, worker: Worker, sent: Shape): Shape | null {
  for (const index of state.queuedShapes) {
    const other = state.shapes[index];
    if (isBetter(state, other, sent) && wouldFit(state, worker, other, sent)) return other;
  }
  return null;
}

function isBetter(state: ControllerState, other: Shape, sent: Shape): boolean {
  const [band, sentBand] = [effectiveBand(state, other), effectiveBand(state, sent)];
  if (band !== sentBand) return band < sentBand;
  return other.user === sent.user && other.priority > sent.priority;
}

/** Where nothing is kept for anybody, and no device is asked for. */
function wouldFit(state: ControllerState, worker: Worker, other: Shape, sent: Shape): boolean {
  const { devices } = other.resources;
  if (other.gang >= 0 || devices.length > 0 || worker.reservations.length > 0) return false;
  if (!isOpen(worker) || !mayUse(worker, other) || capCount(state, other, 1) === 0) return false;
  return other.request.used.every((dimension) => {
    const back = sent.request.amounts[dimension] ?? 0;
    const free = (worker.capacity[dimension] ?? 0) - (worker.used[dimension] ?? 0) + back;
    return free >= other.request.amounts[dimension];
  });
}
