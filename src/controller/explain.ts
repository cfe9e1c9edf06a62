/**
 * Why is it not running? The same code that places answers: every clause that keeps a shape from
 * every worker, with counts, and the chain of wakers that will move the task.
 *
 * @module
 */

import type { TaskFailure } from "../model/failure.ts";
import { formatResources } from "../model/format-quantities.ts";
import { taskStateCode, taskStates } from "../model/states.ts";
import { describeAmount, titleOf } from "../scheduler/describe-amount.ts";
import { resourcesOf } from "../scheduler/dimensions.ts";
import { type Misfit, misfitsOf } from "../scheduler/fit.ts";
import { explainEntriesMax } from "./limits.ts";
import {
  type ControllerState,
  isHealthy,
  type Shape,
  shapeOf,
  specOf,
  taskIdOf,
  type Worker,
} from "./state.ts";
import { canEverRun, misfitsEmpty } from "./submit.ts";
import { noSlot, stage } from "./tables/task-table.ts";
import { formatTime } from "./views.ts";

/** One clause and how many workers fail it. */
export interface Reason {
  readonly code: string;
  readonly dimension: string | null;
  readonly clause: string | null;
  readonly workers: number;
  readonly workersTotal: number;
  readonly need: number | null;
  readonly best: number | null;
  readonly bestWorkerId: string | null;
  readonly message: string;
}

/** Who will move a task, and when. */
export interface Waker {
  readonly kind: "CAPACITY" | "DEPENDENCY" | "ATTEMPT" | "TIMER" | "WORKER" | "CLIENT";
  readonly id: string;
  readonly message: string;
}

/** A short reason for lists; null for a task that is not pending. */
export function pendingReason(state: ControllerState, task: number): string | null {
  const { tasks } = state;
  if (tasks.state[task] !== taskStateCode.PENDING) return null;
  switch (tasks.stage[task]) {
    case stage.waiting:
      return `waits for ${tasks.waitingOn[task]} of ${tasks.dependencyCount[task]} inputs`;
    case stage.delayed:
      return `sits out its retry back-off until ${formatTime(state.notBefore.get(task) ?? 0)}`;
    case stage.held:
      return "its earlier attempt is still stopping";
    default:
      return summaryOfQueued(state, shapeOf(state, task));
  }
}

function summaryOfQueued(state: ControllerState, shape: Shape): string {
  const present = state.workers.filter(isHealthy);
  if (present.length === 0) return "no worker is connected";
  if (!present.some((worker) => canEverRun(state, shape, worker))) {
    return "no present worker could ever run it";
  }
  return "waits for capacity";
}

/** The Explain response for a task. */
export function explainTask(state: ControllerState, task: number) {
  const code = state.tasks.state[task];
  const isQueued = state.tasks.stage[task] === stage.queued;
  const shape = shapeOf(state, task);
  const able = state.workers.some(
    (worker) => isHealthy(worker) && canEverRun(state, shape, worker),
  );
  const reasons = isQueued ? reasonsOf(state, shape) : otherReasons(state, task);
  return {
    id: taskIdOf(state, task),
    kind: "TASK",
    state: taskStates[code],
    summary: summaryOf(state, task),
    canRunNow: isQueued && reasons.length === 0,
    canEverRun: able,
    reasons,
    wakers: wakersOf(state, task),
    ...(isQueued ? aheadOf(state, shape, task) : { aheadCount: 0, ahead: [] }),
    holders: isQueued ? holdersOfCapacity(state, shape) : [],
    change: isQueued ? changeFor(state, shape, able) : null,
    deadlineAt: deadlineOf(state, task),
  };
}

function summaryOf(state: ControllerState, task: number): string {
  const name = specOf(state, task).name;
  const pending = pendingReason(state, task);
  if (pending !== null) return `${name} ${withVerb(pending)}`;
  const failure = state.failures.get(task);
  if (failure !== undefined) return summaryOfFailed(taskIdOf(state, task), name, failure);
  const word = taskStates[state.tasks.state[task]].toLowerCase().replace("_", " ");
  const row = state.tasks.attempt[task];
  if (row === noSlot) return `${name} is ${word}`;
  const { workerId } = state.workers[state.attempts.worker[row]];
  const where = state.attempts.isGranted(row) ? "on" : "in line on";
  return `${name} is ${word} ${where} ${workerId}`;
}

/** Says whose failure it is; the root's message says what went wrong. */
function summaryOfFailed(taskId: string, name: string, { blame, message }: TaskFailure): string {
  if (blame !== taskId) return `${name} needs the value of ${blame}, which has none: ${message}`;
  return message.startsWith(name) ? message : `${name}: ${message}`;
}

function withVerb(reason: string): string {
  return /^(waits|sits)/.test(reason) ? reason : `cannot start: ${reason}`;
}

/** Every clause of the shape that some worker fails now, most workers first. */
export function reasonsOf(state: ControllerState, shape: Shape): Reason[] {
  const total = state.workers.filter((worker) => !worker.lost).length;
  const tallies = new Map<string, Tally>();
  for (const worker of state.workers) {
    if (worker.lost) continue;
    for (const misfit of misfitsNow(state, shape, worker)) tally(tallies, misfit, worker);
  }
  if (total === 0) return [noWorkers()];
  const anyFits = state.workers.some(
    (worker) => isHealthy(worker) && misfitsNow(state, shape, worker).length === 0,
  );
  if (anyFits) return [];
  return [...tallies.values()]
    .sort((a, b) => b.workers - a.workers)
    .slice(0, explainEntriesMax)
    .map((entry) => reasonOf(entry, total));
}

interface Tally {
  readonly misfit: Pick<Misfit, "dimension" | "clause" | "need"> & { readonly code: string };
  workers: number;
  best: number;
  bestWorkerId: string;
}

function misfitsNow(state: ControllerState, shape: Shape, worker: Worker): Tally["misfit"][] {
  if (!isHealthy(worker)) {
    const clause = worker.connected ? "worker is silent" : "worker is not connected";
    return [{ code: "WORKER_STATE", dimension: "state", clause, need: 0 }];
  }
  const room = { capacity: worker.capacity, used: worker.used };
  return misfitsOf(state.dimensions, { room, attributes: worker.attributes }, shape);
}

function tally(tallies: Map<string, Tally>, misfit: Tally["misfit"], worker: Worker): void {
  const key = `${misfit.code} ${misfit.dimension} ${misfit.need}`;
  const best = "best" in misfit ? (misfit as Misfit).best : 0;
  const entry = tallies.get(key);
  if (entry === undefined) {
    tallies.set(key, { misfit, workers: 1, best, bestWorkerId: worker.workerId });
    return;
  }
  entry.workers++;
  if (best <= entry.best) return;
  entry.best = best;
  entry.bestWorkerId = worker.workerId;
}

function reasonOf(entry: Tally, total: number): Reason {
  const { code, dimension, clause, need } = entry.misfit;
  const counted = `${entry.workers} of ${total} workers`;
  const amount = (value: number) => describeAmount(dimension, value);
  const shortage = `${titleOf(dimension)}, ${amount(need)} > ${amount(entry.best)} at the best`;
  return {
    code,
    dimension,
    clause,
    workers: entry.workers,
    workersTotal: total,
    need: need > 0 ? need : null,
    best: need > 0 ? entry.best : null,
    bestWorkerId: entry.bestWorkerId,
    message: `${counted}: ${need > 0 ? `${shortage} (${entry.bestWorkerId})` : clause}`,
  };
}

function noWorkers(): Reason {
  return {
    code: "WORKER_STATE",
    dimension: null,
    clause: null,
    workers: 0,
    workersTotal: 0,
    need: null,
    best: null,
    bestWorkerId: null,
    message: "no worker is registered",
  };
}

function otherReasons(state: ControllerState, task: number): Reason[] {
  const { tasks } = state;
  const plain = { ...noWorkers(), workersTotal: state.workers.length };
  switch (tasks.stage[task]) {
    case stage.waiting:
      return [{ ...plain, code: "DEPENDENCY", message: pendingReason(state, task) ?? "" }];
    case stage.delayed:
      return [{ ...plain, code: "BACKOFF", message: pendingReason(state, task) ?? "" }];
    case stage.held:
      return [
        { ...plain, code: "PREDECESSOR_STOPPING", message: pendingReason(state, task) ?? "" },
      ];
    default:
      return [];
  }
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

function wakerOf(state: ControllerState, task: number): { waker: Waker | null; next: number } {
  const { tasks, attempts } = state;
  const row = tasks.attempt[task];
  if (row !== noSlot) {
    const worker = state.workers[attempts.worker[row]];
    const since = formatTime(attempts.startedAt[row] || attempts.assignedAt[row]) ?? "";
    const doing = tasks.state[task] === taskStateCode.RUNNING ? "runs" : "is assigned";
    const where = `${worker.workerId} (pid ${worker.pid})`;
    const message = `${taskIdOf(state, task)} ${doing} on ${where} since ${since}`;
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
    default: {
      const message = capacityThatIsMissing(state, shapeOf(state, task));
      return { waker: { kind: "CAPACITY", id: taskIdOf(state, task), message }, next: noSlot };
    }
  }
}

function capacityThatIsMissing(state: ControllerState, shape: Shape): string {
  const present = state.workers.filter(isHealthy);
  if (present.length === 0) return "a worker must connect";
  const able = present.some((worker) => canEverRun(state, shape, worker));
  return able ? "capacity must become free" : "a worker that can run it must join";
}

function dependencyWaker(state: ControllerState, task: number): { waker: Waker; next: number } {
  const { tasks } = state;
  for (let position = 0; position < tasks.dependencyCount[task]; position++) {
    const input = tasks.dependency(task, position);
    if (tasks.state[input] === taskStateCode.SUCCEEDED) continue;
    const id = taskIdOf(state, input);
    const inputState = taskStates[tasks.state[input]];
    const message = `waits for ${id} (${inputState}), one of ${tasks.waitingOn[task]}`;
    return { waker: { kind: "DEPENDENCY", id, message }, next: input };
  }
  const message = "waits for an input that nobody computes: this is a bug";
  return { waker: { kind: "DEPENDENCY", id: taskIdOf(state, task), message }, next: noSlot };
}

function heldWaker(state: ControllerState, task: number): { waker: Waker; next: number } {
  const row = state.strayOfTask.get(task);
  const id = row === undefined ? "" : state.workers[state.attempts.worker[row]].workerId;
  const message = `its earlier attempt on ${id} must end first`;
  return { waker: { kind: "ATTEMPT", id, message }, next: noSlot };
}

function aheadOf(state: ControllerState, shape: Shape, task: number) {
  const ahead: string[] = [];
  // A row that left and came back stands in a ring twice; one that was used again, in another's.
  const seen = new Set<number>();
  for (const ring of [shape.woken, shape.fresh]) {
    for (let i = 0; i < ring.length; i++) {
      const other = ring.at(i);
      if (other === task) return { aheadCount: seen.size, ahead };
      if (!state.tasks.isLive(other) || state.tasks.stage[other] !== stage.queued) continue;
      if (seen.has(other) || shapeOf(state, other) !== shape) continue;
      seen.add(other);
      if (ahead.length < explainEntriesMax) ahead.push(taskIdOf(state, other));
    }
  }
  return { aheadCount: seen.size, ahead };
}

function holdersOfCapacity(state: ControllerState, shape: Shape) {
  const holders = [];
  const { attempts } = state;
  for (let row = 0; row < attempts.length && holders.length < explainEntriesMax; row++) {
    const grant = attempts.grants[row];
    if (attempts.id[row] === 0 || grant === null || !attempts.isGranted(row)) continue;
    const worker = state.workers[attempts.worker[row]];
    if (!canEverRun(state, shape, worker)) continue;
    const task = attempts.task[row];
    holders.push({
      workerId: worker.workerId,
      taskId: taskIdOf(state, task),
      user: state.jobs[state.tasks.job[task]].user,
      granted: resourcesOf(state.dimensions, grant),
    });
  }
  return holders;
}

/** The smallest change that would start it. */
function changeFor(state: ControllerState, shape: Shape, able: boolean) {
  if (able) return { kind: "WAIT_FOR_ATTEMPT", message: "wait until running work ends" };
  const present = state.workers.filter(isHealthy);
  const wanted = formatResources(shape.resources);
  const add = { kind: "ADD_WORKER", message: `add a worker with at least ${wanted}` };
  if (present.length === 0) return add;
  let fewest: Misfit[] | null = null;
  for (const worker of present) {
    const misfits = misfitsEmpty(state, shape, worker);
    if (fewest === null || misfits.length < fewest.length) fewest = misfits;
  }
  if (fewest === null || fewest.length !== 1) return add;
  const [only] = fewest;
  if (only.code === "CONSTRAINT") {
    return { kind: "DROP_CLAUSE", message: `drop the constraint ${only.clause}` };
  }
  const { dimension } = only;
  if (only.best === 0) return add; // Less of it would be none of it.
  const [need, best] = [only.need, only.best].map((amount) => describeAmount(dimension, amount));
  const message = `lower ${titleOf(dimension)} from ${need} to ${best}`;
  return { kind: "LOWER_REQUEST", message };
}

function deadlineOf(state: ControllerState, task: number): string | null {
  if (state.tasks.state[task] !== taskStateCode.PENDING) return null;
  return formatTime(state.startBy.get(task) ?? 0);
}
