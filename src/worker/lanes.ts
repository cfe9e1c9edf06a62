/**
 * Queueing short functions behind the head of a lane, so that its thread never waits for a turn.
 *
 * What is queued holds no slot and no grant: it inherits the head's when the head ends. It is done
 * only for shapes whose mean is known and short, and taken back when the head turns out long.
 *
 * @module
 */

import type { Micros } from "../base/time.ts";
import { mayStart } from "./answers.ts";
import { hasBegun, sendRevoke } from "./executions.ts";
import { laneDepthMax, laneMeanUsMax, laneWindowUs, longHeadUs } from "./limits.ts";
import type { Outbox } from "./outbox.ts";
import { placeRun } from "./starts.ts";
import { type Execution, isGang, type Lane, type WorkerState } from "./state.ts";

/** How many more executions may queue on a lane now. */
function roomOn(lane: Lane, at: Micros): number {
  const head = lane.entries[0];
  if (head === undefined || head.orphan || head.abort !== null || head.waits) return 0;
  if (isGang(head.run.spec)) return 0; // It may wait for others before it starts.
  const { meanUs } = head.run.shape;
  if (meanUs < 0 || meanUs > laneMeanUsMax || at - head.since >= laneWindowUs) return 0;
  const depth = lane.entries.length - 1;
  const byTime = Math.ceil(laneWindowUs / Math.max(meanUs, 1));
  return Math.min(byTime, laneDepthMax) - depth;
}

function queueOne(state: WorkerState, out: Outbox, lane: Lane): boolean {
  if (roomOn(lane, out.at) <= 0) return false;
  const run = lane.entries[0].run.shape.prefetched.first();
  if (run === null) return false;
  placeRun(state, out, run, lane);
  return true;
}

/** Deals prefetched ready runs out to the lanes of their shape, one each in turn. */
export function fillLanes(state: WorkerState, out: Outbox): void {
  if (!mayStart(state)) return;
  let open: readonly Lane[] = state.lanes;
  while (state.prefetchedReady > 0 && open.length > 0) {
    open = open.filter((lane) => queueOne(state, out, lane));
  }
}

function mayBeTakenBack(execution: Execution): boolean {
  return !hasBegun(execution) && !execution.orphan && execution.revoke === null;
}

/** Takes back what is queued on a lane and was not asked back yet. */
export function revokeQueued(state: WorkerState, out: Outbox, lane: Lane): void {
  for (const execution of [...lane.entries]) {
    if (mayBeTakenBack(execution)) sendRevoke(state, out, execution, "requeue");
  }
}

export function revokeAllQueued(state: WorkerState, out: Outbox): void {
  for (const lane of state.lanes) revokeQueued(state, out, lane);
}

/** When the queue behind the head of a lane is due to be taken back, or null. */
export function laneDeadline(lane: Lane): Micros | null {
  return lane.entries.some(mayBeTakenBack) ? lane.entries[0].since + longHeadUs : null;
}

/** Behind a head that turned out long nothing waits. */
export function revokeBehindLongHeads(state: WorkerState, out: Outbox): void {
  for (const lane of state.lanes) {
    const deadline = laneDeadline(lane);
    if (deadline !== null && deadline <= out.at) revokeQueued(state, out, lane);
  }
}
