/**
 * Everything that time alone does: back-offs end, scheduling timeouts expire, silence becomes
 * suspicion and then loss, sessions run out. The shell arms one timer for `nextDeadline`.
 *
 * @module
 */

import type { Micros } from "../base/time.ts";
import type { TaskRef } from "../model/ids.ts";
import { taskStateCode } from "../model/states.ts";
import { closeAbandonedSessions, hearWhatWaited } from "./clients.ts";
import { closeOn } from "./closing.ts";
import { endDataWaits } from "./data-waits.ts";
import { expireEndpoints, nextEndpointDeadline } from "./endpoints.ts";
import { returnLateGangs } from "./gangs.ts";
import { lookForHangs } from "./hangs.ts";
import { pruneJobs } from "./jobs.ts";
import {
  endedJobsMax,
  endedTasksMax,
  jobRetentionUs,
  lostAfterUs,
  silenceCheckUs,
  startMaxUs,
  suspectAfterUs,
} from "./limits.ts";
import { endLeases, nextLeaseEnd } from "./locks.ts";
import type { Outbox } from "./outbox.ts";
import { isPlacementPaused } from "./placement-budget.ts";
import { lossOf, stopCurrentAttempt } from "./reports.ts";
import { restartOn } from "./restarts.ts";
import { type FailedRoot, failTasks, plainFailure } from "./settle.ts";
import { type ControllerState, specOf } from "./state.ts";
import { lookAtCopies } from "./surplus.ts";
import { attemptFlag } from "./tables/attempt-table.ts";
import { noSlot } from "./tables/task-table.ts";
import { judgeLosses, type Loss } from "./verdicts.ts";
import { endDrains, nextDrainDeadline } from "./worker-orders.ts";
import { loseWorker } from "./workers.ts";

/** When `tick` has something to do next, or null while only an event can change anything. */
export function nextDeadline(state: ControllerState): Micros | null {
  if (isPlacementPaused(state) || state.closing.sessions.size > 0) return state.at;
  if (state.shared.restarting.size + state.shared.heardLater.size > 0) return state.at;
  let next = Number.POSITIVE_INFINITY;
  if (state.delays.length > 0) next = Math.min(next, state.delays.peekKey());
  if (state.schedulingDeadlines.length > 0) {
    next = Math.min(next, state.schedulingDeadlines.peekKey());
  }
  if (state.startDeadlines.length > 0) next = Math.min(next, state.startDeadlines.peekKey());
  for (const { expiresAt } of state.reservations.values()) next = Math.min(next, expiresAt);
  next = Math.min(next, nextDrainDeadline(state));
  const waits = state.dataWaits.deadlines;
  if (waits.length > 0) next = Math.min(next, waits.peekKey());
  if (state.copies.looks.length > 0) next = Math.min(next, state.copies.looks.peekKey());
  next = Math.min(next, nextEndpointDeadline(state), nextLeaseEnd(state));
  if (needsSilenceCheck(state)) next = Math.min(next, state.nextSilenceCheckAt);
  return next === Number.POSITIVE_INFINITY ? null : next;
}

function needsSilenceCheck(state: ControllerState): boolean {
  if (state.workers.some((worker) => !worker.lost)) return true;
  if (state.jobs.some(({ pruned, finishedAt }) => !pruned && finishedAt > 0)) return true;
  return state.clients.some((client) => client !== null && !client.connected);
}

export function onTick(state: ControllerState, out: Outbox, at: Micros): void {
  const delays = state.delays.valuesUpTo(at);
  const deadlines = state.schedulingDeadlines.valuesUpTo(at);
  const starts = state.startDeadlines.valuesUpTo(at);
  if (delays.length + deadlines.length + starts.length > 0) {
    out.record(state, { type: "deadlines-passed", until: at });
    resumeDelayed(state, out, { delays, at });
    expireScheduling(state, out, { deadlines, at });
    moveUnstarted(state, out, { tasks: starts, at });
  }
  endDataWaits(state, out, at);
  endDrains(state, out, at);
  lookAtCopies(state, out, at);
  expireEndpoints(state, out, at);
  endLeases(state, out, at);
  closeOn(state, out, at);
  restartOn(state, out, at);
  hearWhatWaited(state, out, at);
  if (at < state.nextSilenceCheckAt) return;
  checkSilence(state, out, at);
  lookForHangs(state, out, at);
  closeAbandonedSessions(state, out, at);
  returnLateGangs(state, out, at);
  tryHoldsAgain(state, out, at);
  pruneJobs(state, out, {
    endedBefore: at - jobRetentionUs,
    jobsMax: endedJobsMax,
    tasksMax: endedTasksMax,
  });
  out.record(state, { type: "silence-checked", nextAt: at + silenceCheckUs });
}

function resumeDelayed(
  state: ControllerState,
  out: Outbox,
  { delays, at }: { delays: readonly TaskRef[]; at: Micros },
): void {
  const due: number[] = [];
  for (const ref of delays) {
    const task = state.tasks.find(ref);
    const notBefore = task < 0 ? undefined : state.notBefore.get(task);
    if (notBefore !== undefined && notBefore <= at) due.push(task);
  }
  if (due.length === 0) return;
  out.record(state, { type: "tasks-resumed", tasks: Uint32Array.from(new Set(due)) });
}

function expireScheduling(
  state: ControllerState,
  out: Outbox,
  { deadlines, at }: { deadlines: readonly TaskRef[]; at: Micros },
): void {
  const roots: FailedRoot[] = [];
  for (const ref of deadlines) {
    const task = state.tasks.find(ref);
    const startBy = task < 0 ? undefined : state.startBy.get(task);
    if (startBy === undefined || startBy > at) continue;
    // What is assigned may still start; if it comes back instead, its deadline does too.
    if (state.tasks.state[task] !== taskStateCode.PENDING) continue;
    const { name, schedulingTimeoutMs } = specOf(state, task);
    const failure = plainFailure(state, task, {
      code: "TASK_UNSCHEDULABLE",
      message: `${name} found no worker within its scheduling timeout of ${schedulingTimeoutMs} ms`,
    });
    roots.push({ task, state: taskStateCode.UNSCHEDULABLE, failure });
  }
  failTasks(state, out, { roots, at });
}

function checkSilence(state: ControllerState, out: Outbox, at: Micros): void {
  for (const worker of state.workers) {
    if (worker.lost) continue;
    const silentUs = at - worker.lastHeardAt;
    if (silentUs >= lostAfterUs) {
      const seconds = Math.round(silentUs / 1_000_000);
      loseWorker(state, out, { worker: worker.index, reason: `silent for ${seconds} s`, at });
    } else if (silentUs >= suspectAfterUs && !worker.suspect) {
      out.record(state, { type: "worker-suspected", worker: worker.index, suspect: true });
    }
  }
}

/** What a worker has had for long and does not run is moved: no state lasts without a bound. */
function moveUnstarted(
  state: ControllerState,
  out: Outbox,
  { tasks: refs, at }: { tasks: readonly TaskRef[]; at: Micros },
): void {
  const losses: Loss[] = [];
  for (const ref of new Set(refs)) {
    const task = state.tasks.find(ref);
    const row = task < 0 ? noSlot : state.tasks.attempt[task];
    if (row === noSlot || !state.attempts.isGranted(row)) continue;
    if (state.attempts.hasFlag(row, attemptFlag.started)) continue;
    if (state.attempts.assignedAt[row] + startMaxUs > at) continue;
    losses.push(lossOf(state, row, "start-timeout"));
    stopCurrentAttempt(state, out, task, "start-timeout");
  }
  judgeLosses(state, out, { losses, at });
}

/** A gang whose hold expired may hold again after its rest. */
function tryHoldsAgain(state: ControllerState, out: Outbox, at: Micros): void {
  const rested = state.jobs.filter(({ launch, pruned }) => {
    const holdAgainAt = launch?.gang?.holdAgainAt ?? 0;
    return !pruned && holdAgainAt > 0 && holdAgainAt <= at;
  });
  if (rested.length === 0) return;
  out.record(state, { type: "gangs-rested", jobs: rested.map((job) => job.index) });
}
