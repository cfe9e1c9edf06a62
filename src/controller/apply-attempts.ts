/**
 * How facts about attempts change the state: the ledger of every worker is kept here.
 *
 * @module
 */

import { present } from "../base/assert.ts";
import { digestWith, digestWithout } from "../base/digest.ts";
import { U32Ring } from "../base/ring.ts";
import { attemptId } from "../model/ids.ts";
import { taskStateCode } from "../model/states.ts";
import { leaveLine, placeInLine, setTaskState } from "./apply-tasks.ts";
import type { FactOf } from "./facts.ts";
import { type ControllerState, type ShapeOnWorker, shapeOf, type Worker } from "./state.ts";
import { storyKind } from "./story.ts";
import { attemptFlag } from "./tables/attempt-table.ts";
import { noSlot, stage, taskFlag } from "./tables/task-table.ts";

export function shapeOnWorker(worker: Worker, shape: number): ShapeOnWorker {
  let entry = worker.shapes.get(shape);
  if (entry === undefined) {
    entry = { granted: 0, prefetched: 0, waiting: new U32Ring() };
    worker.shapes.set(shape, entry);
  }
  return entry;
}

function chargeGrant(worker: Worker, grant: Float64Array): void {
  const { used } = worker;
  for (let i = 0; i < used.length && i < grant.length; i++) used[i] += grant[i];
}

function creditGrant(worker: Worker, grant: Float64Array): void {
  const { used } = worker;
  for (let i = 0; i < used.length && i < grant.length; i++) used[i] -= grant[i];
}

export function applyAttemptsAssigned(
  state: ControllerState,
  fact: FactOf<"attempts-assigned">,
): void {
  let next = 0;
  for (let i = 0; i < fact.tasks.length; i++) {
    const special = next < fact.grants.length && fact.grants[next].entry === i;
    applyAssignment(state, {
      task: fact.tasks[i],
      worker: fact.workers[i],
      at: fact.at,
      prefetched: fact.prefetched[i] === 1,
      grant: special ? fact.grants[next++].grant : null,
    });
  }
}

/** One assignment; `grant` is null where it is the shape's own request. */
export interface Assignment {
  readonly task: number;
  readonly worker: number;
  readonly at: number;
  readonly prefetched: boolean;
  readonly grant: Float64Array | null;
}

/** A new attempt; returns its row. */
export function applyAssignment(state: ControllerState, assignment: Assignment): number {
  const row = assign(state, assignment);
  if (assignment.grant !== null) state.attempts.grants[row] = assignment.grant;
  if (assignment.prefetched) prefetchRow(state, row);
  else grantRow(state, row);
  tellAttempt(state, assignment.prefetched ? storyKind.prefetched : storyKind.assigned, row);
  return row;
}

/** A new attempt of `task` on `worker`, neither granted nor prefetched yet. */
function assign(
  state: ControllerState,
  { task, worker, at }: { task: number; worker: number; at: number },
): number {
  const { tasks, attempts } = state;
  const id = attemptId(state.epoch, ++state.attemptCounter);
  const row = attempts.allocate(id);
  const shape = shapeOf(state, task);
  attempts.task[row] = task;
  attempts.worker[row] = worker;
  attempts.shape[row] = shape.index;
  attempts.assignedAt[row] = at;
  attempts.grants[row] = shape.request.amounts;
  tasks.attempt[task] = row;
  leaveLine(state, task);
  setTaskState(state, task, taskStateCode.ASSIGNED);
  const record = state.workers[worker];
  record.liveAttempts++;
  record.attemptsDigest = digestWith(record.attemptsDigest, id);
  return row;
}

function grantRow(state: ControllerState, row: number): void {
  const { attempts } = state;
  const worker = state.workers[attempts.worker[row]];
  chargeGrant(worker, present(attempts.grants[row], "an attempt has a grant"));
  shapeOnWorker(worker, attempts.shape[row]).granted++;
}

function prefetchRow(state: ControllerState, row: number): void {
  const { attempts } = state;
  attempts.flags[row] |= attemptFlag.prefetched;
  const entry = shapeOnWorker(state.workers[attempts.worker[row]], attempts.shape[row]);
  entry.prefetched++;
  entry.waiting.pushBack(row);
  state.shapes[attempts.shape[row]].prefetched++;
}

/** Notes that an attempt was ordered back, or that this is over. */
export function setRetracting(state: ControllerState, row: number, on: boolean): void {
  const { attempts } = state;
  if (attempts.hasFlag(row, attemptFlag.retracting) === on) return;
  attempts.flags[row] ^= attemptFlag.retracting;
  state.shapes[attempts.shape[row]].retracting += on ? 1 : -1;
}

function leavePrefetched(state: ControllerState, row: number): void {
  const { attempts } = state;
  attempts.flags[row] &= ~attemptFlag.prefetched;
  const entry = shapeOnWorker(state.workers[attempts.worker[row]], attempts.shape[row]);
  entry.prefetched--;
  state.shapes[attempts.shape[row]].prefetched--;
  while (entry.waiting.length > 0 && !isPrefetchedOn(state, entry.waiting.at(0), row)) {
    entry.waiting.popFront();
  }
}

/** Whether `row` is a prefetched attempt beside `sibling`: same worker, same shape. */
function isPrefetchedOn(state: ControllerState, row: number, sibling: number): boolean {
  const { attempts } = state;
  return (
    attempts.id[row] !== 0 &&
    !attempts.isGranted(row) &&
    attempts.worker[row] === attempts.worker[sibling] &&
    attempts.shape[row] === attempts.shape[sibling]
  );
}

export function applyAttemptsGranted(
  state: ControllerState,
  fact: FactOf<"attempts-granted">,
): void {
  for (const row of fact.attempts) {
    leavePrefetched(state, row);
    grantRow(state, row);
    tellAttempt(state, storyKind.granted, row);
  }
}

function tellAttempt(state: ControllerState, kind: number, row: number, detail = 0): void {
  const { attempts } = state;
  const task = state.tasks.ref(attempts.task[row]);
  state.story.add(kind, task, attempts.id[row], attempts.worker[row], detail);
}

/** One attempt runs. */
export function applyStart(state: ControllerState, row: number, at: number): void {
  const { attempts, tasks } = state;
  attempts.flags[row] |= attemptFlag.started;
  attempts.startedAt[row] = at;
  tellAttempt(state, storyKind.started, row);
  const task = attempts.task[row];
  if (tasks.attempt[task] !== row) return;
  tasks.flags[task] |= taskFlag.everStarted;
  if (state.startBy.size > 0) state.startBy.delete(task);
  setTaskState(state, task, taskStateCode.RUNNING);
  const job = state.jobs[tasks.job[task]];
  if (job.startedAt === 0) job.startedAt = at;
}

export function applyAttemptsStopping(
  state: ControllerState,
  fact: FactOf<"attempts-stopping">,
): void {
  const { attempts, tasks } = state;
  for (const row of fact.attempts) {
    attempts.flags[row] |= attemptFlag.stopping;
    tellAttempt(state, storyKind["stop-ordered"], row);
    const task = attempts.task[row];
    tasks.attempt[task] = noSlot;
    state.strays.set(attempts.id[row], row);
    state.strayOfTask.set(task, row);
  }
}

/**
 * The only place where an attempt leaves the ledger. Its grant goes back to its worker, or whole to
 * the prefetched attempt of its shape that took over.
 */
export function applyEnd(
  state: ControllerState,
  row: number,
  { successor, cause }: { successor: number; cause: number },
): void {
  const { attempts } = state;
  const worker = state.workers[attempts.worker[row]];
  const grant = present(attempts.grants[row], "a live attempt has a grant");
  if (!attempts.isGranted(row)) leavePrefetched(state, row);
  else if (successor !== noSlot) {
    leavePrefetched(state, successor);
    attempts.grants[successor] = grant;
  } else {
    creditGrant(worker, grant);
    shapeOnWorker(worker, attempts.shape[row]).granted--;
  }
  state.touchedWorkers.add(worker.index);
  tellAttempt(state, storyKind.ended, row, cause);
  closeRow(state, row);
}

function closeRow(state: ControllerState, row: number): void {
  const { attempts, tasks } = state;
  setRetracting(state, row, false);
  const worker = state.workers[attempts.worker[row]];
  const task = attempts.task[row];
  const id = attempts.id[row];
  worker.liveAttempts--;
  worker.attemptsDigest = digestWithout(worker.attemptsDigest, id);
  attempts.release(row);
  if (tasks.attempt[task] === row) {
    tasks.attempt[task] = noSlot;
    return;
  }
  state.strays.delete(id);
  state.strayOfTask.delete(task);
  if (tasks.stage[task] === stage.held) placeInLine(state, task);
}

export function applyAttemptsEnded(state: ControllerState, fact: FactOf<"attempts-ended">): void {
  for (let i = 0; i < fact.attempts.length; i++) {
    applyEnd(state, fact.attempts[i], { successor: fact.successors[i], cause: fact.causes[i] });
  }
}

/** The task's new attempt holds what its stopping one held; nothing is charged or credited. */
export function applyAttemptSuperseded(
  state: ControllerState,
  fact: FactOf<"attempt-superseded">,
): void {
  const { attempts } = state;
  const grant = attempts.grants[fact.attempt];
  tellAttempt(state, storyKind.superseded, fact.attempt);
  const row = assign(state, {
    task: fact.task,
    worker: attempts.worker[fact.attempt],
    at: fact.at,
  });
  attempts.grants[row] = grant;
  if (!attempts.isGranted(fact.attempt)) {
    leavePrefetched(state, fact.attempt);
    prefetchRow(state, row);
  }
  closeRow(state, fact.attempt);
}
