/**
 * Where one task goes: the worker that has its inputs, else the first of those that take it.
 *
 * @module
 */

import { assert } from "../base/assert.ts";
import type { WorkerIndex } from "../model/ids.ts";
import type { LineUp } from "../scheduler/line-up.ts";
import { asksDevices, takes } from "./fitting.ts";
import { lineUpOf } from "./fleet.ts";
import { type ChosenGrant, chooseSpecialGrant } from "./grants.ts";
import type { Outbox } from "./outbox.ts";
import type { AssignmentRecorder } from "./recorders.ts";
import { avoidedBy } from "./reschedules.ts";
import { endReservation, reservationsOf, roomFor } from "./reservations.ts";
import { sendAttempt } from "./send-attempt.ts";
import { type ControllerState, type Shape, shapeOf, type Worker } from "./state.ts";
import { capCount, effectiveBand } from "./users.ts";

/** The task that the shape would place next; its queue must not be empty. */
export function headTask(shape: Shape): number {
  assert(shape.queued > 0, "only a shape with a queue has a head");
  return shape.woken.length > 0 ? shape.woken.at(0) : shape.fresh.at(0);
}

/** Places up to `limit` tasks of a shape; the worker of each task that was placed. */
export function placeSome(
  state: ControllerState,
  out: Outbox,
  pass: {
    readonly shape: Shape;
    readonly limit: number;
    readonly assignments: AssignmentRecorder;
  },
): WorkerIndex[] {
  const { shape, assignments } = pass;
  const placed: WorkerIndex[] = [];
  while (placed.length < pass.limit && shape.queued > 0 && capCount(state, shape, 1) > 0) {
    const task = headTask(shape);
    const worker = chooseWorker(state, shape, task);
    if (worker === null) break;
    const grant = asksDevices(shape)
      ? chooseSpecialGrant(state, worker, roomFor(state, worker, shape), shape)
      : null;
    assignAndSend(state, out, assignments, { task, worker, prefetched: false, grant });
    placed.push(worker.index);
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

/**
 * The worker with most of the task's input bytes, else the one with the best score; where the task
 * did not want to stay only if there is no other.
 */
function chooseWorker(state: ControllerState, shape: Shape, task: number): Worker | null {
  const lineUp = lineUpOf(state, shape);
  const avoided = avoidedBy(state, task);
  const near = nearestWorker(state, shape, task);
  if (near !== null && near.index !== avoided) return near;
  const best = firstOf(state, shape, lineUp);
  if (best === null || best.index !== avoided) return best;
  const score = lineUp.scoreOf(avoided);
  lineUp.remove(avoided);
  const other = firstOf(state, shape, lineUp);
  lineUp.set(avoided, score);
  return other ?? best;
}

/** The first in line that takes the shape. */
function firstOf(state: ControllerState, shape: Shape, lineUp: LineUp): Worker | null {
  for (let index = lineUp.first(); index >= 0; index = lineUp.first()) {
    const worker = state.workers[index];
    if (takes(state, worker, shape)) return worker;
    lineUp.remove(index); // What is kept there for others became more since it was looked at.
  }
  return null;
}

/** The worker that takes it and holds most bytes of its inputs that must be fetched; or null. */
function nearestWorker(state: ControllerState, shape: Shape, task: number): Worker | null {
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
  let best = -1;
  let most = 0;
  for (const [index, here] of bytes) {
    if (here < most || here === 0 || (here === most && index > best)) continue;
    if (index >= state.workers.length) continue; // Nobody has it any more.
    if (!takes(state, state.workers[index], shape)) continue;
    best = index;
    most = here;
  }
  return best < 0 ? null : state.workers[best];
}
