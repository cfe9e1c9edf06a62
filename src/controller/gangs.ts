/**
 * Gangs: all tasks of a job start together, and none goes on without the others.
 *
 *     placed ─▶ prepared (by all) ─▶ started ─▶ running
 *        └───────────┴──── a refusal, a deadline ──▶ returned, uncharged
 *                                   a member ends ──▶ bounced whole, or ended whole
 *
 * A member that leaves marks its gang in `apply`, whoever made it leave, and `settleGangs` runs at
 * the end of each step: no path can forget the others.
 *
 * @module
 */

import type { Micros } from "../base/time.ts";
import type { WorkerIndex } from "../model/ids.ts";
import { isTerminalCode, taskStateCode } from "../model/states.ts";
import type { AttemptPrepared } from "../protocol/messages.ts";
import { charge } from "./facts.ts";
import { bouncedHoldUs, gangStartMaxUs } from "./limits.ts";
import type { Outbox } from "./outbox.ts";
import { findAttempt, type StopReason, stopCurrentAttempt } from "./reports.ts";
import { reserve } from "./reservations.ts";
import { type FailedRoot, failTasks, plainFailure } from "./settle.ts";
import {
  type ControllerState,
  gangAt,
  isOpen,
  jobOf,
  type Launch,
  launchAt,
  shapeOf,
} from "./state.ts";
import { attemptFlag } from "./tables/attempt-table.ts";
import { noSlot } from "./tables/task-table.ts";
import { returnDelayUs } from "./verdicts.ts";

/** Ends or bounces every gang of which a member has left. */
export function settleGangs(state: ControllerState, out: Outbox, at: Micros): void {
  const { brokenGangs } = state;
  for (const index of brokenGangs) {
    brokenGangs.delete(index);
    if (hasEndedMember(state, launchAt(state, index))) endSiblings(state, out, index, at);
    else bounce(state, out, index, { why: "cosched-failed", at });
  }
}

function hasEndedMember(state: ControllerState, { rows }: Launch): boolean {
  return rows.some((row) => state.tasks.state[row] > taskStateCode.SUCCEEDED);
}

/** A member ended for good: the others end with it, at no charge. */
function endSiblings(state: ControllerState, out: Outbox, job: number, at: Micros): void {
  const { rows } = launchAt(state, job);
  const root = [...rows].find((row) => state.tasks.state[row] > taskStateCode.SUCCEEDED);
  const cause = root === undefined ? undefined : state.failures.get(root);
  const roots: FailedRoot[] = [];
  for (const task of rows) {
    if (isTerminalCode(state.tasks.state[task])) continue;
    stopCurrentAttempt(state, out, task, "cosched-failed");
    const message = `another task of its gang ended: ${cause?.message ?? "it was stopped"}`;
    const failure = plainFailure(state, task, { code: "GANG_MEMBER_FAILED", message });
    const blame = cause?.blame ?? failure.blame;
    roots.push({ task, state: taskStateCode.COSCHED_FAILED, failure: { ...failure, blame } });
  }
  failTasks(state, out, { roots, at });
}

interface Bounce {
  readonly why: StopReason;
  readonly at: Micros;
  /** Nothing of the gang may start before, microseconds; 0 for at once. */
  readonly notBefore?: Micros;
}

/** Everything of the gang goes back to its queue, at no charge, and keeps its hosts for a while. */
function bounce(
  state: ControllerState,
  out: Outbox,
  job: number,
  { why, at, notBefore = 0 }: Bounce,
): void {
  const { tasks, attempts } = state;
  const { rows } = launchAt(state, job);
  const active: number[] = [];
  const hosts = new Set<WorkerIndex>();
  for (const task of rows) {
    const row = tasks.attempt[task];
    if (row === noSlot) {
      const host = lastHostOf(state, task);
      if (host !== undefined) hosts.add(host);
      continue;
    }
    hosts.add(attempts.worker[row]);
    active.push(task);
    stopCurrentAttempt(state, out, task, why);
  }
  if (active.length > 0) {
    out.record(state, {
      type: "tasks-requeued",
      at,
      tasks: Uint32Array.from(active),
      charges: new Uint8Array(active.length).fill(charge.nothing),
      notBefore: new Float64Array(active.length).fill(notBefore),
    });
  }
  reviveSucceeded(state, out, rows, at);
  state.brokenGangs.delete(job); // What was just done to the others is no news.
  // What was just returned waits before it tries again: meanwhile others may use its hosts.
  if (gangAt(state, job).returns === 0) holdHosts(state, out, { rows, hosts, at });
}

/** Where a member was that has no attempt any more: its host is kept like those of the others. */
function lastHostOf(state: ControllerState, task: number): WorkerIndex | undefined {
  const stray = state.strayOfTask.get(task);
  if (stray !== undefined) return state.attempts.worker[stray];
  const last = state.histories.get(task)?.at(-1);
  return last === undefined ? undefined : state.workersById.get(last.workerId);
}

/** A gang restarts whole: who has done its part does it again with the others. */
function reviveSucceeded(state: ControllerState, out: Outbox, rows: Uint32Array, at: Micros): void {
  const done = rows.filter((row) => state.tasks.state[row] === taskStateCode.SUCCEEDED);
  if (done.length === 0) return;
  out.record(state, { type: "tasks-revived", at, tasks: done, cause: "gang" });
}

function holdHosts(
  state: ControllerState,
  out: Outbox,
  { rows, hosts, at }: { rows: Uint32Array; hosts: ReadonlySet<WorkerIndex>; at: Micros },
): void {
  const workers = [...hosts].filter((index) => isOpen(state.workers[index]));
  if (workers.length === 0) return;
  const shape = shapeOf(state, rows[0]);
  reserve(state, out, { shape, reason: "gang", workers, expiresAt: at + bouncedHoldUs });
}

/** A member has its grant, its work directory and its ports. */
export function onAttemptPrepared(
  state: ControllerState,
  out: Outbox,
  { worker, message }: { worker: WorkerIndex; message: AttemptPrepared },
): void {
  const row = findAttempt(state, { worker, attempt: message.attempt, task: message.task });
  if (row < 0 || state.attempts.hasFlag(row, attemptFlag.stopping)) return;
  const task = state.attempts.task[row];
  const job = jobOf(state, task);
  if (!job.launch?.gang) return;
  const index = state.tasks.index[task];
  const { members } = job.launch.gang;
  // It says so again on each new connection: the order to start may have been lost with the last.
  if (!members.has(index)) {
    const { member } = message;
    out.record(state, { type: "member-prepared", job: job.index, index, member });
  }
  if (members.size === job.launch.rows.length) startGang(state, out, job.launch);
}

/** All are prepared: whoever does not run yet is told to, and where the others are. */
function startGang(state: ControllerState, out: Outbox, { rows, gang }: Launch): void {
  const members = [...rows.keys()].map((index) => gang?.members.get(index) ?? noMember);
  for (const task of rows) {
    const row = state.tasks.attempt[task];
    if (row === noSlot || state.attempts.hasFlag(row, attemptFlag.started)) continue;
    out.toWorker(state, state.attempts.worker[row], {
      type: "start-gang",
      attempt: state.attempts.id[row],
      task: state.tasks.ref(task),
      members,
    });
  }
}

const noMember = { host: "", ports: {} };

/** Returns the rounds of gangs that did not start together in time. */
export function returnLateGangs(state: ControllerState, out: Outbox, at: Micros): void {
  for (const { index, launch, pruned } of state.jobs) {
    if (!launch?.gang || pruned || !isLate(state, launch, at)) continue;
    const delay = returnDelayUs(launch.gang);
    out.record(state, { type: "gang-returned", job: index });
    bounce(state, out, index, { why: "gang-returned", at, notBefore: at + delay });
  }
}

/** Whether some member does not run although the round began long ago. */
function isLate(state: ControllerState, { rows }: Launch, at: Micros): boolean {
  return rows.some((task) => {
    const row = state.tasks.attempt[task];
    if (row === noSlot || state.attempts.hasFlag(row, attemptFlag.started)) return false;
    return state.attempts.assignedAt[row] + gangStartMaxUs <= at;
  });
}
