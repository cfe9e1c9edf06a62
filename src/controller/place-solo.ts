/**
 * Where one task goes: the worker that has its inputs, else the first of those that take it; or in
 * line at a busy one, where that is sooner than to move its inputs (`data-waits.ts`).
 *
 * @module
 */

import type { WorkerIndex } from "../model/ids.ts";
import type { LineUp } from "../scheduler/line-up.ts";
import type { DataWait } from "./data-wait-state.ts";
import { chooseWait, type InputBytes, inputBytesOf } from "./data-waits.ts";
import { asksDevices, takes } from "./fitting.ts";
import { lineUpOf } from "./fleet.ts";
import { type ChosenGrant, chooseSpecialGrant } from "./grants.ts";
import type { Outbox } from "./outbox.ts";
import { headTask } from "./queue-order.ts";
import type { AssignmentRecorder } from "./recorders.ts";
import { avoidedBy } from "./reschedules.ts";
import { endReservation, reservationsOf, roomFor } from "./reservations.ts";
import { sendAttempt } from "./send-attempt.ts";
import { type ControllerState, type Shape, shapeOf, type Worker } from "./state.ts";
import { noSlot } from "./tables/task-table.ts";
import { capCount, effectiveBand } from "./users.ts";

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
    const inputs = inputBytesOf(state, task);
    const worker = chooseWorker(state, shape, task, inputs);
    if (worker === null) break;
    const wait =
      inputs && chooseWait(state, task, { shape, inputs, elsewhere: worker, startUs: 0 });
    const place = wait === null ? worker : state.workers[wait.worker];
    assign(state, out, assignments, { task, worker: place, wait });
    placed.push(place.index);
  }
  return placed;
}

/** At once, or in line where its inputs are. */
function assign(
  state: ControllerState,
  out: Outbox,
  assignments: AssignmentRecorder,
  about: { readonly task: number; readonly worker: Worker; readonly wait: DataWait | null },
): void {
  const { task, worker, wait } = about;
  const shape = shapeOf(state, task);
  const grant =
    wait === null && asksDevices(shape)
      ? chooseSpecialGrant(state, worker, roomFor(state, worker, shape), shape)
      : null;
  assignAndSend(state, out, assignments, { task, worker, prefetched: wait !== null, grant, wait });
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
    /** Why it stands in line, where that is its inputs. */
    readonly wait: DataWait | null;
  },
): void {
  const { task, worker, prefetched, grant, wait } = order;
  const band = effectiveBand(state, shapeOf(state, task));
  const assignment = { task, worker: worker.index, prefetched, grant, band };
  const row = assignments.push(state, assignment, wait);
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
function chooseWorker(
  state: ControllerState,
  shape: Shape,
  task: number,
  inputs: InputBytes | null,
): Worker | null {
  const lineUp = lineUpOf(state, shape);
  const avoided = avoidedBy(state, task);
  const near = inputs === null ? null : nearestWorker(state, shape, inputs);
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
function nearestWorker(
  state: ControllerState,
  shape: Shape,
  { byWorker }: InputBytes,
): Worker | null {
  let best = -1;
  let most = 0;
  for (const [index, here] of byWorker) {
    if (here < most || here === 0 || (here === most && index > best)) continue;
    if (index === noSlot) continue; // Nobody has it any more.
    if (!takes(state, state.workers[index], shape)) continue;
    best = index;
    most = here;
  }
  return best < 0 ? null : state.workers[best];
}
