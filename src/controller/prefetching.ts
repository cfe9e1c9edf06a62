/**
 * Work that is sent to a worker ahead of need, without a grant, so that the end of an attempt needs
 * no round trip; and work taken back when another worker would run it sooner.
 *
 * @module
 */

import { hasRare } from "../base/rare.ts";
import { fitCount } from "../scheduler/fit.ts";
import { prefetchDepth } from "../scheduler/prefetch.ts";
import { mayUse } from "./eligibility.ts";
import { takes } from "./fitting.ts";
import { lineUpOf } from "./fleet.ts";
import type { Outbox } from "./outbox.ts";
import { assignAndSend, headTask } from "./place-solo.ts";
import type { AssignmentRecorder } from "./recorders.ts";
import { binds, roomFor } from "./reservations.ts";
import { orderRetracts } from "./retracts.ts";
import {
  type ControllerState,
  isHealthy,
  type Shape,
  type ShapeOnWorker,
  specOf,
  type Worker,
} from "./state.ts";
import { attemptFlag } from "./tables/attempt-table.ts";
import { taskFlag } from "./tables/task-table.ts";

/** Attempts that wait on a worker for a grant get one before anything new is placed there. */
export function promotePrefetched(state: ControllerState, out: Outbox, worker: Worker): void {
  if (worker.prefetched === 0) return;
  const { attempts, tasks } = state;
  for (const [index, entry] of worker.shapes) {
    if (entry.prefetched === 0) continue;
    const shape = state.shapes[index];
    const room = roomFor(state, worker, shape);
    const count = fitCount(room, shape.request, entry.prefetched);
    // A set: a row that was used again may stand in the ring twice.
    const chosen = new Set<number>();
    for (let i = 0; chosen.size < count && i < entry.waiting.length; i++) {
      const row = entry.waiting.at(i);
      if (isWaiting(state, row, worker.index, index)) chosen.add(row);
    }
    if (chosen.size === 0) continue;
    const rows = [...chosen];
    out.record(state, { type: "attempts-granted", attempts: Uint32Array.from(rows) });
    out.toWorker(state, worker.index, {
      type: "grant",
      attempts: Float64Array.from(rows, (row) => attempts.id[row]),
      tasks: Float64Array.from(rows, (row) => tasks.ref(attempts.task[row])),
    });
  }
}

function isWaiting(state: ControllerState, row: number, worker: number, shape: number): boolean {
  const { attempts } = state;
  return (
    attempts.id[row] !== 0 &&
    !attempts.isGranted(row) &&
    !attempts.hasFlag(row, attemptFlag.retracting) &&
    attempts.worker[row] === worker &&
    attempts.shape[row] === shape
  );
}

/** Whether attempts of the shape are ever sent ahead: not what needs devices, or runs for long. */
export function mayPrefetch({ prefetchable, isCommand, meanUs }: Shape): boolean {
  // A command runs for long until it is known not to.
  return prefetchable && (isCommand ? meanUs > 0 : true) && prefetchDepth(1, meanUs) > 0;
}

/** Sends work ahead of need, so that the end of an attempt needs no round trip. */
export function prefetchShape(
  state: ControllerState,
  out: Outbox,
  pass: {
    readonly shape: Shape;
    readonly candidates: readonly Worker[];
    readonly assignments: AssignmentRecorder;
  },
): void {
  const { shape, candidates, assignments } = pass;
  const rooms = candidates
    .map((worker) => ({ worker, room: prefetchRoom(state, worker, shape) }))
    .filter(({ worker, room }) => room > 0 && mayUse(worker, shape));
  // Evenly: a worker that is asked first must not take what its neighbours would run sooner.
  for (let left = rooms.length; left > 0; left--) {
    const { worker, room } = rooms[rooms.length - left];
    const share = Math.min(room, Math.ceil(shape.queued / left));
    for (let count = share; count > 0 && shape.queued > 0; count--) {
      const task = headTask(shape);
      if (needsOwnGrant(state, task)) return;
      assignAndSend(state, out, assignments, { task, worker, prefetched: true, grant: null });
    }
  }
}

/** What must not begin by itself, nor be taken along by what it follows. */
function needsOwnGrant(state: ControllerState, task: number): boolean {
  if (state.tasks.hasFlag(task, taskFlag.suspect)) return true;
  return hasRare(state.reschedules, task) || specOf(state, task).exclusive === true;
}

function prefetchRoom(state: ControllerState, worker: Worker, shape: Shape): number {
  const entry = worker.shapes.get(shape.index);
  if (entry === undefined) return 0;
  // What has no attempt here any more would pass a grant on that is not its own.
  if (worker.strangers.size > 0) return 0;
  if (worker.reservations.some((one) => binds(state, one, shape))) return 0;
  const depth = prefetchDepth(entry.granted, shape.meanUs);
  // Refilled in halves, so that a stream of ends does not become a stream of single orders.
  return entry.prefetched * 2 > depth ? 0 : depth - entry.prefetched;
}

/** Where a worker idles while another holds unstarted work of a shape that fits: take half back. */
export function retractForIdle(
  state: ControllerState,
  out: Outbox,
  touched: readonly Worker[],
): void {
  for (const shape of state.shapes) {
    if (!mayRetract(shape)) continue;
    const isIdle = (worker: Worker) => takes(state, worker, shape);
    if (touched.some(isIdle)) retractHalf(state, out, shape);
  }
}

/**
 * A worker said that an attempt runs, so it is no short one; or one was sent behind such. What
 * waits there would be run sooner by a worker that idles.
 */
export function retractBehind(state: ControllerState, out: Outbox, attempt: number): void {
  const { attempts } = state;
  const shape = state.shapes[attempts.shape[attempt]];
  const entry = state.workers[attempts.worker[attempt]].shapes.get(shape.index);
  if (entry === undefined || entry.prefetched === 0 || !isStuck(entry)) return;
  if (!mayRetract(shape)) return;
  if (lineUpOf(state, shape).length > 0) retractHalf(state, out, shape);
}

/** One round at a time: the answers of the last one decide whether another is worth it. */
function mayRetract({ prefetched, queued, retracting }: Shape): boolean {
  return prefetched > 0 && queued === 0 && retracting === 0;
}

/** Whether everything that could make room for what waits runs for longer than was thought. */
function isStuck(entry: ShapeOnWorker): boolean {
  return entry.granted > 0 && entry.started >= entry.granted;
}

/** Work of less than this is not worth a round trip, microseconds. */
const retractWorthUs = 2_000;

function retractHalf(state: ControllerState, out: Outbox, shape: Shape): void {
  for (const worker of state.workers) {
    const entry = worker.shapes.get(shape.index);
    if (entry === undefined || entry.prefetched === 0 || !isHealthy(worker)) continue;
    const backlogUs = (entry.prefetched * shape.meanUs) / Math.max(1, entry.granted);
    if (shape.meanUs !== 0 && backlogUs < retractWorthUs && !isStuck(entry)) continue;
    orderRetracts(state, out, worker.index, retractable(state, worker, shape, entry));
  }
}

/** The younger half of the prefetched attempts that are not being retracted already. */
function retractable(
  state: ControllerState,
  worker: Worker,
  shape: Shape,
  entry: ShapeOnWorker,
): number[] {
  const rows = new Set<number>();
  for (let i = entry.waiting.length - 1; i >= 0; i--) {
    if (rows.size * 2 >= entry.prefetched) break;
    const row = entry.waiting.at(i);
    if (isWaiting(state, row, worker.index, shape.index)) rows.add(row);
  }
  return [...rows];
}
