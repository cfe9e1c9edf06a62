/**
 * Everything that time alone does: back-offs end, scheduling timeouts expire, silence becomes
 * suspicion and then loss, sessions run out. The shell arms one timer for `nextDeadline`.
 *
 * @module
 */

import type { Micros } from "../base/time.ts";
import type { TaskRef } from "../model/ids.ts";
import { taskStateCode } from "../model/states.ts";
import { closeAbandonedSessions } from "./clients.ts";
import { lostAfterUs, silenceCheckUs, suspectAfterUs } from "./limits.ts";
import type { Outbox } from "./outbox.ts";
import { type FailedRoot, failTasks, plainFailure } from "./settle.ts";
import { type ControllerState, specOf } from "./state.ts";
import { loseWorker } from "./workers.ts";

/** When `tick` has something to do next, or null while only an event can change anything. */
export function nextDeadline(state: ControllerState): Micros | null {
  let next = Number.POSITIVE_INFINITY;
  if (state.delays.length > 0) next = Math.min(next, state.delays.peekKey());
  if (state.schedulingDeadlines.length > 0) {
    next = Math.min(next, state.schedulingDeadlines.peekKey());
  }
  if (needsSilenceCheck(state)) next = Math.min(next, state.nextSilenceCheckAt);
  return next === Number.POSITIVE_INFINITY ? null : next;
}

function needsSilenceCheck(state: ControllerState): boolean {
  if (state.workers.some((worker) => !worker.lost)) return true;
  return state.clients.some((client) => client !== null && !client.connected);
}

export function onTick(state: ControllerState, out: Outbox, at: Micros): void {
  const delays = state.delays.valuesUpTo(at);
  const deadlines = state.schedulingDeadlines.valuesUpTo(at);
  if (delays.length + deadlines.length > 0) {
    out.record(state, { type: "deadlines-passed", until: at });
    resumeDelayed(state, out, { delays, at });
    expireScheduling(state, out, { deadlines, at });
  }
  if (at < state.nextSilenceCheckAt) return;
  checkSilence(state, out, at);
  closeAbandonedSessions(state, out, at);
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
