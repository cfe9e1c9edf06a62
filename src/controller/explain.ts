/**
 * Why is it not running? The same code that places answers: every clause that keeps a shape from
 * every worker, with counts, and the chain of wakers that will move the task.
 *
 * @module
 */

import type { TaskFailure } from "../model/failure.ts";
import { formatNeed } from "../model/format-quantities.ts";
import type { Resources } from "../model/resources.ts";
import { isTerminalCode, taskStateCode, taskStates } from "../model/states.ts";
import { resourcesOf } from "../scheduler/dimensions.ts";
import { compareWithinUser, type QueueKey } from "../scheduler/fair-order.ts";
import { describeConstraint } from "../scheduler/fit.ts";
import { actorOf, isActor, isCall } from "./call-lines.ts";
import { canEverRun } from "./eligibility.ts";
import { callBefore, callsOf, turnOf, turnWaker } from "./explain-actors.ts";
import { ancestorReasons } from "./explain-ancestors.ts";
import {
  capReasons,
  changeFor,
  closedWorkers,
  plainReason,
  type Reason,
  reasonsOf,
} from "./explain-reasons.ts";
import { dataWaitReasons, describeDataWait } from "./explain-waits.ts";
import { couldEverPlace } from "./gang-placement.ts";
import { describeUsual, hangReasons, hungTaskOf } from "./hangs.ts";
import { jobState } from "./job-state.ts";
import { explainEntriesMax } from "./limits.ts";
import { findTask } from "./lookup.ts";
import { setupFailureOn } from "./plugins.ts";
import { describeProgress } from "./progress.ts";
import { headTask, queueKeyOf } from "./queue-order.ts";
import {
  type ControllerState,
  isHealthy,
  type Job,
  jobNamed,
  jobOf,
  type Shape,
  shapeOf,
  specOf,
  taskIdOf,
  type Worker,
} from "./state.ts";
import { attemptFlag } from "./tables/attempt-table.ts";
import { noSlot, stage } from "./tables/task-table.ts";
import { clusterTotal, shareOf } from "./users.ts";
import { formatTime, workerState } from "./views.ts";
import type { NextWaker, Waker } from "./wakers.ts";

/** A short reason for lists; null for a task that is not pending. */
export function pendingReason(state: ControllerState, task: number): string | null {
  const { tasks } = state;
  if (tasks.state[task] !== taskStateCode.PENDING) return null;
  switch (tasks.stage[task]) {
    case stage.called:
      return turnOf(state, task);
    case stage.waiting:
      return `waits for ${tasks.waitingOn[task]} of ${tasks.dependencyCount[task]} inputs`;
    case stage.delayed:
      return `sits out its retry back-off until ${formatTime(state.notBefore.get(task) ?? 0)}`;
    case stage.offered:
      return "waits until its client has brought the value to a worker";
    case stage.held:
      return state.strayOfTask.has(task)
        ? "waits until its earlier attempt has stopped"
        : "waits until the job that it replaces has stopped";
    default:
      return summaryOfQueued(state, shapeOf(state, task));
  }
}

function summaryOfQueued(state: ControllerState, shape: Shape): string {
  if (!state.workers.some(isHealthy)) return "no worker is connected";
  if (!state.workers.some((one) => isHealthy(one) && canEverRun(state, shape, one))) {
    const failed = state.workers.find((one) => isHealthy(one) && setupFailureOn(one, shape) !== "");
    if (failed !== undefined) {
      const reason = setupFailureOn(failed, shape);
      return `no present worker could ever run it: a plugin could not be set up: ${reason}`;
    }
    return `no present worker could ever run it: need ${needOf(shape)}`;
  }
  // What single workers lack is told one by one, to who asks for it.
  const reasons = shape.gang < 0 ? capReasons(state, shape, 1) : reasonsOf(state, shape);
  if (!couldEverPlace(state, shape) && reasons.length > 0) return reasons[0].message;
  return `waits for capacity: ${reasons[0]?.message ?? `need ${formatNeed(shape.resources)}`}`;
}

/** What a task asks of a worker: amounts, and the constraints that must hold. */
function needOf({ resources, constraints }: Shape): string {
  const required = constraints.filter(({ mode }) => mode !== "PREFERRED");
  return [formatNeed(resources), ...required.map(describeConstraint)].join(", ");
}

/** The Explain response for a task or a job; throws NOT_FOUND. */
export function explain(state: ControllerState, id: string) {
  const job = jobNamed(state, id);
  return job === undefined ? explainTask(state, findTask(state, id)) : explainJob(state, job);
}

/** A job waits for what its first task waits for that has not been placed, or for what hangs. */
function explainJob(state: ControllerState, job: Job) {
  const rows = job.launch === null ? [] : [...job.launch.rows];
  const open = rows.filter((task) => !isTerminalCode(state.tasks.state[task]));
  const waiting = open.find((task) => state.tasks.state[task] === taskStateCode.PENDING);
  const about = { id: job.id, kind: "JOB", state: jobState(job) };
  const hung = hungTaskOf(state, job);
  const task = waiting ?? hung ?? open[0];
  if (task === undefined) return { ...nothingToExplain, ...about, summary: summaryOfJob(job) };
  const which = `task ${state.tasks.index[task]}`;
  const summary = `${summaryOfJob(job)}; ${which}: ${summaryOf(state, task)}`;
  const explained = explainTask(state, task);
  const hangs = hung === undefined || hung === task ? [] : hangReasons(state, hung);
  return { ...explained, ...about, summary, reasons: [...explained.reasons, ...hangs] };
}

function summaryOfJob(job: Job): string {
  const counts = taskStates
    .map((name, code) => ({ name, count: job.stateCounts[code] }))
    .filter(({ count }) => count > 0)
    .map(({ name, count }) => `${count} ${name}`);
  const error = job.launch?.error?.message;
  const why = error === undefined ? "" : `: ${error}`;
  return `${job.id} is ${jobState(job)} (${counts.join(", ")})${why}`;
}

const nothingToExplain = {
  canRunNow: false,
  canEverRun: false,
  reasons: [],
  wakers: [],
  aheadCount: 0,
  ahead: [],
  holders: [],
  change: null,
  deadlineAt: null,
} as const;

/** The Explain response for a task. */
export function explainTask(state: ControllerState, task: number) {
  const code = state.tasks.state[task];
  const isQueued = state.tasks.stage[task] === stage.queued;
  const shape = shapeOf(state, task);
  const able = couldEverPlace(state, shape);
  const line = isQueued ? aheadOf(state, shape, task) : { aheadCount: 0, ahead: [] };
  const reasons = isQueued ? reasonsOf(state, shape) : otherReasons(state, task);
  const ancestors = isQueued ? ancestorReasons(state, shape, task) : [];
  return {
    id: taskIdOf(state, task),
    kind: "TASK",
    state: taskStates[code],
    summary: summaryOf(state, task),
    canRunNow: isQueued && reasons.length === 0,
    canEverRun: able,
    reasons: [...ancestors, ...reasons, ...behind(able ? line.aheadCount : 0)],
    wakers: wakersOf(state, task),
    ...line,
    holders: isQueued && able ? holdersOfCapacity(state, shape) : [],
    change: isQueued ? changeFor(state, shape, able) : null,
    deadlineAt: deadlineOf(state, task),
  };
}

function behind(count: number): Reason[] {
  return count === 0
    ? []
    : [plainReason("QUEUED_BEHIND", `${count} ${count === 1 ? "task goes" : "tasks go"} first`)];
}

function summaryOf(state: ControllerState, task: number): string {
  const name = specOf(state, task).name;
  const pending = pendingReason(state, task);
  if (pending !== null) return `${name} ${withVerb(pending)}`;
  const failure = state.failures.get(task);
  if (failure !== undefined) return summaryOfFailed(state, task, failure);
  const before = callBefore(state, task);
  if (before !== noSlot) {
    return `${name} waits for its turn: ${taskIdOf(state, before)} goes before it`;
  }
  const word = taskStates[state.tasks.state[task]].toLowerCase().replace("_", " ");
  const row = state.tasks.attempt[task];
  if (row === noSlot) return `${name} is ${word}`;
  const waitsForData = describeDataWait(state, task);
  if (waitsForData !== null) return `${name} ${waitsForData}`;
  const { workerId } = state.workers[state.attempts.worker[row]];
  const where = state.attempts.isGranted(row) ? "on" : "in line on";
  const waits = state.attempts.hasFlag(row, attemptFlag.yielded) ? `, and ${yieldedText}` : "";
  const calls = isActor(state, task) ? callsOf(state, task) : "";
  return `${name} is ${word} ${where} ${workerId}${waits}${calls}${gangText(state, task, row)}`;
}

/** Of a member that is placed: for how many others it waits, and where the first of them is. */
function gangText(state: ControllerState, task: number, row: number): string {
  const { launch } = jobOf(state, task);
  if (!launch?.gang || state.attempts.hasFlag(row, attemptFlag.started)) return "";
  const { members } = launch.gang;
  const missing = launch.rows.findIndex((_, index) => !members.has(index));
  if (missing < 0) return "";
  const attempt = state.tasks.attempt[launch.rows[missing]];
  const worker = state.workers[state.attempts.worker[attempt]]?.workerId ?? "no worker";
  const who = launch.rows[missing] === task ? "it" : `task ${missing} on ${worker}`;
  const count = `${members.size} of ${launch.rows.length} members are prepared`;
  return `, and waits for its gang: ${count}, and ${who} is not`;
}

const yieldedText =
  "waits there for tasks that it submitted: its slot and its CPU are free meanwhile";

/** Says whose failure it is; the root's message says what went wrong. */
function summaryOfFailed(
  state: ControllerState,
  task: number,
  { blame, message }: TaskFailure,
): string {
  const { name } = specOf(state, task);
  if (blame === taskIdOf(state, task))
    return message.startsWith(name) ? message : `${name}: ${message}`;
  const isOfCall = isCall(state, task) && blame === taskIdOf(state, actorOf(state, task));
  if (isOfCall) return `${name} is a call of ${blame}, which has ended: ${message}`;
  return `${name} needs the value of ${blame}, which has none: ${message}`;
}

function withVerb(reason: string): string {
  return /^(waits|sits)/.test(reason) ? reason : `cannot start: ${reason}`;
}

function otherReasons(state: ControllerState, task: number): Reason[] {
  const { tasks } = state;
  const total = state.workers.length;
  const message = pendingReason(state, task) ?? "";
  switch (tasks.stage[task]) {
    case stage.waiting:
    case stage.offered:
    case stage.called:
      return [plainReason("DEPENDENCY", message, total)];
    case stage.delayed:
      return [plainReason("BACKOFF", message, total)];
    case stage.held:
      return [plainReason("PREDECESSOR_STOPPING", message, total)];
    default:
      return [
        ...dataWaitReasons(state, task),
        ...silence(state, task),
        ...hangReasons(state, task),
      ];
  }
}

/** What runs, or should, on a worker that is not heard. */
function silence(state: ControllerState, task: number): Reason[] {
  const row = state.tasks.attempt[task];
  if (row === noSlot) return [];
  const worker = state.workers[state.attempts.worker[row]];
  if (isHealthy(worker)) return [];
  const since = formatTime(worker.lastHeardAt) ?? "it registered";
  return [plainReason("SILENT", `${worker.workerId} was not heard since ${since}`, 1)];
}

/** The chain of wakers, nearest first: whom the task waits for, and whom those wait for. */
export function wakersOf(state: ControllerState, task: number): Waker[] {
  const wakers: Waker[] = [];
  const seen = new Set<number>();
  let next = task;
  while (next !== noSlot && !seen.has(next) && wakers.length < explainEntriesMax) {
    seen.add(next);
    const found = wakerOf(state, next);
    if (found.waker !== null) wakers.push(found.waker);
    next = found.next;
  }
  return wakers;
}

function wakerOf(state: ControllerState, task: number): NextWaker {
  const { tasks, attempts } = state;
  const row = tasks.attempt[task];
  const before = callBefore(state, task);
  if (before !== noSlot) {
    const id = taskIdOf(state, before);
    return {
      waker: { kind: "DEPENDENCY", id, message: `waits for ${id}, a call before it` },
      next: before,
    };
  }
  if (row !== noSlot) {
    const worker = state.workers[attempts.worker[row]];
    const since = formatTime(attempts.startedAt[row] || attempts.assignedAt[row]) ?? "";
    const doing = tasks.state[task] === taskStateCode.RUNNING ? "runs" : "is assigned";
    const where = `${worker.workerId} (pid ${worker.pid})`;
    const extra = describeUsual(state, row) + describeProgress(state, row);
    const message = `${taskIdOf(state, task)} ${doing} on ${where} since ${since}${extra}`;
    return { waker: { kind: "ATTEMPT", id: worker.workerId, message }, next: noSlot };
  }
  if (tasks.state[task] !== taskStateCode.PENDING) return { waker: null, next: noSlot };
  switch (tasks.stage[task]) {
    case stage.waiting:
      return dependencyWaker(state, task);
    case stage.delayed: {
      const at = formatTime(state.notBefore.get(task) ?? 0) ?? "";
      return {
        waker: { kind: "TIMER", id: at, message: `its back-off ends at ${at}` },
        next: noSlot,
      };
    }
    case stage.held:
      return heldWaker(state, task);
    case stage.called:
      return turnWaker(state, task);
    case stage.offered:
      return { waker: wakerOfOffered(state, task), next: noSlot };
    default: {
      const shape = shapeOf(state, task);
      const [closed] = closedWorkers(state, shape);
      if (closed !== undefined) return { waker: wakerOfClosed(closed), next: noSlot };
      const message = capacityThatIsMissing(state, shape);
      return { waker: { kind: "CAPACITY", id: taskIdOf(state, task), message }, next: noSlot };
    }
  }
}

/** The first client that has its value. */
function wakerOfOffered(state: ControllerState, task: number): Waker {
  const [first] = state.shared.offers.get(task) ?? [];
  const client = first === undefined ? null : state.clients[first.client];
  const id = client === null ? "" : state.jobs[client.job].id;
  return { kind: "CLIENT", id, message: `the session ${id} must bring the value` };
}

/** Whoever closed the worker. */
function wakerOfClosed(worker: Worker): Waker {
  const { workerId } = worker;
  const message = `${workerId} must take work again: it is ${workerState(worker)}`;
  return { kind: "WORKER", id: workerId, message };
}

function capacityThatIsMissing(state: ControllerState, shape: Shape): string {
  if (!state.workers.some(isHealthy)) return "a worker must connect";
  return couldEverPlace(state, shape)
    ? "capacity must become free"
    : "a worker that can run it must join";
}

function dependencyWaker(state: ControllerState, task: number): { waker: Waker; next: number } {
  const { tasks } = state;
  for (let position = 0; position < tasks.dependencyCount[task]; position++) {
    const input = tasks.dependency(task, position);
    if (tasks.state[input] === taskStateCode.SUCCEEDED || isActor(state, input)) continue;
    const id = taskIdOf(state, input);
    const inputState = taskStates[tasks.state[input]];
    const message = `waits for ${id} (${inputState}), one of ${tasks.waitingOn[task]}`;
    return { waker: { kind: "DEPENDENCY", id, message }, next: input };
  }
  const message = "waits for an input that nobody computes: this is a bug";
  return { waker: { kind: "DEPENDENCY", id: taskIdOf(state, task), message }, next: noSlot };
}

function heldWaker(state: ControllerState, task: number): { waker: Waker; next: number } {
  const row = state.strayOfTask.get(task) ?? strayOfPredecessor(state, task);
  const id = row === undefined ? "" : state.workers[state.attempts.worker[row]].workerId;
  const message = `its earlier attempt on ${id} must end first`;
  return { waker: { kind: "ATTEMPT", id, message }, next: noSlot };
}

/** An attempt, still stopping, of the job that this task's job replaces. */
function strayOfPredecessor(state: ControllerState, task: number): number | undefined {
  const predecessor = jobOf(state, task).launch?.predecessor ?? -1;
  if (predecessor < 0) return undefined;
  for (const row of state.strays.values()) {
    if (state.tasks.job[state.attempts.task[row]] === predecessor) return row;
  }
  return undefined;
}

/** Tasks that are placed before this one: those of queues that come first, and of its own. */
function aheadOf(state: ControllerState, shape: Shape, task: number) {
  const key = queueKeyOf(state, shape);
  const total = clusterTotal(state);
  const share = (user: number) => shareOf(state, state.users[user], total);
  const ahead: string[] = [];
  let aheadCount = 0;
  for (const other of state.shapes) {
    if (other === shape || other.queued === 0) continue;
    if (!goesFirst(queueKeyOf(state, other), key, share)) continue;
    aheadCount += other.queued;
    if (ahead.length < explainEntriesMax) ahead.push(taskIdOf(state, headTask(other)));
  }
  const own = aheadInQueue(state, shape, task, explainEntriesMax - ahead.length);
  aheadCount += own.count;
  for (const row of own.first) ahead.push(taskIdOf(state, row));
  return { aheadCount, ahead };
}

function goesFirst(a: QueueKey, b: QueueKey, share: (user: number) => number): boolean {
  if (a.band !== b.band) return a.band < b.band;
  if (a.user === b.user) return compareWithinUser(a, b) < 0;
  return share(a.user) < share(b.user);
}

/** How many tasks of a queue are before this one, and the rows of the first; of a gang none. */
function aheadInQueue(
  state: ControllerState,
  shape: Shape,
  task: number,
  limit: number,
): { readonly count: number; readonly first: readonly number[] } {
  const first: number[] = [];
  let count = 0;
  if (shape.gang >= 0) return { count, first };
  // A row that left and came back stands in a ring twice; one that was used again, in another's.
  const seen = new Uint8Array(state.tasks.length);
  for (const ring of [shape.woken, shape.fresh]) {
    for (let i = 0; i < ring.length; i++) {
      const other = ring.at(i);
      if (other === task) return { count, first };
      if (seen[other] === 1 || !isInQueue(state, other, shape)) continue;
      seen[other] = 1;
      if (count++ < limit) first.push(other);
    }
  }
  return { count, first };
}

function isInQueue(state: ControllerState, task: number, shape: Shape): boolean {
  const { tasks } = state;
  return tasks.isLive(task) && tasks.stage[task] === stage.queued && shapeOf(state, task) === shape;
}

/** Attempts whose end could make room for the shape: the first few. */
export function holdersOfCapacity(state: ControllerState, shape: Shape) {
  const holders = [];
  const { attempts } = state;
  for (const row of attempts.rows()) {
    if (holders.length >= explainEntriesMax) break;
    if (!attempts.isGranted(row)) continue;
    const worker = state.workers[attempts.worker[row]];
    if (!canEverRun(state, shape, worker)) continue;
    const task = attempts.task[row];
    holders.push({
      workerId: worker.workerId,
      taskId: taskIdOf(state, task),
      user: state.jobs[state.tasks.job[task]].user,
      granted: grantedOf(state, row),
    });
  }
  return holders;
}

function grantedOf(state: ControllerState, row: number): Resources {
  const granted = resourcesOf(state.dimensions, state.attempts.grantOf(row));
  return { ...granted, devices: state.deviceGrants.get(row) ?? granted.devices };
}

function deadlineOf(state: ControllerState, task: number): string | null {
  if (state.tasks.state[task] !== taskStateCode.PENDING) return null;
  return formatTime(state.startBy.get(task) ?? 0);
}
