/**
 * Where one task goes: the worker that has its inputs, else the one that its constraints prefer and
 * that has most room.
 *
 * @module
 */

import { assert } from "../base/assert.ts";
import type { WorkerIndex } from "../model/ids.ts";
import { fitsOne } from "../scheduler/fit.ts";
import { scoreOf } from "../scheduler/score.ts";
import { type ChosenGrant, chooseSpecialGrant } from "./grants.ts";
import type { Outbox } from "./outbox.ts";
import type { AssignmentRecorder } from "./recorders.ts";
import { endReservation, reservationsOf, roomFor } from "./reservations.ts";
import { sendAttempt } from "./send-attempt.ts";
import { type ControllerState, type Shape, shapeOf, type Worker } from "./state.ts";
import { capCount, effectiveBand } from "./users.ts";

/** The task that the shape would place next; its queue must not be empty. */
export function headTask(shape: Shape): number {
  assert(shape.queued > 0, "only a shape with a queue has a head");
  return shape.woken.length > 0 ? shape.woken.at(0) : shape.fresh.at(0);
}

/** Whether one attempt of the shape fits what it may use of the worker now. */
export function fits(state: ControllerState, worker: Worker, shape: Shape): boolean {
  const room = roomFor(state, worker, shape);
  if (!fitsOne(room, shape.request)) return false;
  return !asksDevices(shape) || chooseSpecialGrant(state, worker, room, shape) !== null;
}

function asksDevices(shape: Shape): boolean {
  return shape.resources.devices.length > 0;
}

/**
 * Places up to `limit` tasks of a shape on `open` workers, and drops those that are full. The
 * worker of each task that was placed.
 */
export function placeSome(
  state: ControllerState,
  out: Outbox,
  pass: {
    readonly shape: Shape;
    readonly open: Worker[];
    readonly limit: number;
    readonly assignments: AssignmentRecorder;
  },
): WorkerIndex[] {
  const { shape, open, assignments } = pass;
  const placed: WorkerIndex[] = [];
  while (placed.length < pass.limit && shape.queued > 0 && open.length > 0) {
    if (capCount(state, shape, 1) < 1) break;
    const task = headTask(shape);
    const worker = chooseWorker(state, shape, task, open);
    const grant = asksDevices(shape)
      ? chooseSpecialGrant(state, worker, roomFor(state, worker, shape), shape)
      : null;
    if (!asksDevices(shape) || grant !== null) {
      assignAndSend(state, out, assignments, { task, worker, prefetched: false, grant });
      placed.push(worker.index);
    }
    if (!fits(state, worker, shape)) open.splice(open.indexOf(worker), 1);
  }
  return placed;
}

/** Records an attempt and orders it. */
export function assignAndSend(
  state: ControllerState,
  out: Outbox,
  assignments: AssignmentRecorder,
  order: {
    readonly task: number;
    readonly worker: Worker;
    readonly prefetched: boolean;
    readonly grant: ChosenGrant | null;
  },
): void {
  const { task, worker, prefetched, grant } = order;
  const band = effectiveBand(state, shapeOf(state, task));
  const row = assignments.push(state, { task, worker: worker.index, prefetched, grant, band });
  sendAttempt(state, out, row);
}

/** What was kept on these workers for a shape has served its purpose. */
export function useReservations(
  state: ControllerState,
  out: Outbox,
  shape: Shape,
  workers: readonly WorkerIndex[],
): void {
  if (state.reservations.size === 0) return;
  const left = [...workers];
  for (const reservation of reservationsOf(state, shape.index)) {
    // One for each that was placed: what else was evicted there is for those that still wait.
    const used = left.findIndex((worker) => reservation.workers.includes(worker));
    if (used >= 0) left.splice(used, 1);
    if (used >= 0 || shape.queued === 0) endReservation(state, out, reservation, false);
  }
}

/** The worker with most of the task's input bytes, else the one with most free slots and CPU. */
function chooseWorker(
  state: ControllerState,
  shape: Shape,
  task: number,
  open: readonly Worker[],
): Worker {
  if (open.length === 1) return open[0];
  const near = nearestWorker(state, task, open);
  if (near !== null) return near;
  let best = open[0];
  let bestScore = Number.NEGATIVE_INFINITY;
  for (const worker of open) {
    const score = scoreOf(worker, shape, state.demand.demand);
    if (score <= bestScore) continue;
    best = worker;
    bestScore = score;
  }
  return best;
}

/** The open worker that holds most bytes of the inputs that must be fetched; null if none does. */
function nearestWorker(
  state: ControllerState,
  task: number,
  open: readonly Worker[],
): Worker | null {
  const { tasks } = state;
  if (tasks.dependencyCount[task] === 0) return null;
  const bytes = new Map<number, number>();
  for (let position = 0; position < tasks.dependencyCount[task]; position++) {
    const input = tasks.dependency(task, position);
    if (state.inline.bytes.has(input)) continue;
    const add = (holder: number) =>
      bytes.set(holder, (bytes.get(holder) ?? 0) + tasks.valueBytes[input]);
    add(tasks.holder[input]);
    for (const extra of state.extraHolders.get(input) ?? []) add(extra);
  }
  let best: Worker | null = null;
  for (const worker of open) {
    const here = bytes.get(worker.index) ?? 0;
    if (here > 0 && here > (best === null ? 0 : (bytes.get(best.index) ?? 0))) best = worker;
  }
  return best;
}
