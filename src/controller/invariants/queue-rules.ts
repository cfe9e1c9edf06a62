/**
 * What must be true of every queue: of what waits in line, and why it does.
 *
 * @module
 */

import type { U32Ring } from "../../base/ring.ts";
import { chooseGang } from "../../scheduler/gang.ts";
import { mayUse } from "../eligibility.ts";
import { fits } from "../fitting.ts";
import { gangCandidates, isWhole, launchOfGang } from "../gang-placement.ts";
import { isPlacementPaused } from "../placement-budget.ts";
import { endsItemStep, finish, type Scan } from "../scan.ts";
import { type ControllerState, isOpen, type Shape, type Worker } from "../state.ts";
import { stage } from "../tables/task-table.ts";
import { capCount } from "../users.ts";
import type { Inspection, RecordRule } from "./inspection.ts";

/** S-1: what a queue counts is what is in line or prefetched. */
function queueCountsEqualTheirRecount(look: Inspection, index: number): void {
  const shape = look.state.shapes[index];
  const { queued, prefetched, retracting } = look.tally.shapes[index];
  if (queued !== shape.queued)
    look.report([], `shape ${index}: ${shape.queued} queued, ${queued} found`);
  if (prefetched !== shape.prefetched)
    look.report([], `shape ${index}: ${shape.prefetched} prefetched, ${prefetched} found`);
  if (retracting !== shape.retracting)
    look.report([], `shape ${index}: ${shape.retracting} ordered back, ${retracting} found`);
  if (look.state.queuedShapes.has(index) !== shape.queued > 0)
    look.report([], `shape ${index} with ${shape.queued} queued is listed wrongly`);
}

/** The head of a queue is a task that waits in it, and there is one while anything is queued. */
function everyQueueHasAHead(look: Inspection, index: number): void {
  const { state } = look;
  const shape = state.shapes[index];
  if (shape.queued === 0) return;
  if (shape.woken.length + shape.fresh.length < shape.queued)
    look.report([], `shape ${index} has lost tasks from its queue`);
  for (const ring of [shape.woken, shape.fresh]) {
    if (ring.length > 0 && !isInLine(state, ring))
      look.report([], `shape ${index} has a dead head`);
  }
}

function isInLine({ tasks }: ControllerState, ring: U32Ring): boolean {
  const head = ring.at(0);
  return tasks.isLive(head) && tasks.stage[head] === stage.queued;
}

/**
 * S-8: work conservation: no queued shape fits free capacity on a worker that may run it, unless a
 * turn has spent its budget: then the next turn goes on at once.
 */
function noQueuedShapeFitsFreeCapacity(look: Inspection, index: number): void {
  const shape = look.state.shapes[index];
  if (shape.queued === 0 || isPlacementPaused(look.state)) return;
  forEachIdleMatch(look.state, shape, (workerId) => {
    look.report([workerId], `shape ${index} is queued and fits`);
  });
}

/** A queue and a healthy worker with room for it: what the watchdog looks for. */
interface IdleMatch {
  readonly shape: number;
  readonly workerId: string;
}

/** All of them. */
export function idleMatches(state: ControllerState): IdleMatch[] {
  return finish(idleMatchesInSteps(state));
}

/** The same in steps: what does not fit now may fit later, and is placed then. */
export function* idleMatchesInSteps(state: ControllerState): Scan<IdleMatch[]> {
  const matches: IdleMatch[] = [];
  for (const shape of state.shapes) {
    if (shape.queued === 0) continue;
    forEachIdleMatch(state, shape, (workerId) => matches.push({ shape: shape.index, workerId }));
    if (endsItemStep(shape.index)) yield;
  }
  return matches;
}

function forEachIdleMatch(
  state: ControllerState,
  shape: Shape,
  visit: (workerId: string) => void,
): void {
  if (capCount(state, shape, 1) < 1) return;
  if (shape.gang >= 0) {
    const group = idleGroup(state, shape);
    if (group !== null) visit(group);
    return;
  }
  for (const worker of state.workers) {
    if (!isOpen(worker) || isTurnOutdated(state, worker)) continue;
    if (mayUse(worker, shape) && fits(state, worker, shape)) visit(worker.workerId);
  }
}

/** Whether what a turn keeps there may have become less since the last pass, with time alone. */
function isTurnOutdated({ at, fleet }: ControllerState, worker: Worker): boolean {
  return at > fleet.passedAt && worker.reservations.some(({ reason }) => reason === "turn");
}

/** The group that could take a waiting gang now, or null. */
function idleGroup(state: ControllerState, shape: Shape): string | null {
  const launch = launchOfGang(state, shape);
  if (launch === null || !isWhole(shape, launch)) return null;
  const size = launch.rows.length;
  if (capCount(state, shape, size) < size) return null;
  return chooseGang(gangCandidates(state, shape), size)?.group ?? null;
}

/** Those that compare with sums over all rows. */
export const queueSumRules: readonly RecordRule[] = [queueCountsEqualTheirRecount];

export const queueRules: readonly RecordRule[] = [
  ...queueSumRules,
  everyQueueHasAHead,
  noQueuedShapeFitsFreeCapacity,
];
