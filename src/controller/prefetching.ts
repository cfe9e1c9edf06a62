/**
 * Work that is sent to a worker ahead of need, without a grant, so that the end of an attempt needs
 * no round trip; and work taken back when another worker would run it sooner.
 *
 * @module
 */

import type { WorkerIndex } from "../model/ids.ts";
import type { QueueKey } from "../scheduler/fair-order.ts";
import { fitCount } from "../scheduler/fit.ts";
import { prefetchWindowUs } from "../scheduler/limits.ts";
import { prefetchDepth } from "../scheduler/prefetch.ts";
import type { DataWait } from "./data-wait-state.ts";
import {
  chooseWait,
  inputBytesOf,
  isLeftInLine,
  lineWaitUs,
  needsOwnGrant,
  waitWhereItIs,
} from "./data-waits.ts";
import { mayUse } from "./eligibility.ts";
import { takes, takesAfter } from "./fitting.ts";
import { lineUpOf } from "./fleet.ts";
import { leftInLineMax, rivalRetractsMax } from "./limits.ts";
import type { Outbox } from "./outbox.ts";
import { assignAndSend } from "./place-solo.ts";
import {
  goesBefore,
  headTask,
  isRival,
  queueKeyOf,
  rivalsOf,
  waitsForRoom,
} from "./queue-order.ts";
import type { AssignmentRecorder } from "./recorders.ts";
import { binds, roomFor } from "./reservations.ts";
import { orderRetracts } from "./retracts.ts";
import {
  type ControllerState,
  isHealthy,
  isOpen,
  type Shape,
  type ShapeOnWorker,
  type Worker,
} from "./state.ts";
import { attemptFlag } from "./tables/attempt-table.ts";
import { capCount, hasCap } from "./users.ts";

/**
 * Attempts that wait on a worker for a grant get one before anything new is placed there, but for
 * what goes before them and fits. False if somebody does: then they get what that leaves.
 */
export function promotePrefetched(
  state: ControllerState,
  out: Outbox,
  worker: Worker,
  isLeft = false,
): boolean {
  let isAll = true;
  if (worker.prefetched === 0) return isAll;
  for (const [index, entry] of worker.shapes) {
    if (entry.prefetched === 0) continue;
    const shape = state.shapes[index];
    const room = roomFor(state, worker, shape);
    const count = capCount(state, shape, fitCount(room, shape.request, entry.prefetched));
    if (count === 0) continue;
    const rows = waitingRows(state, worker, shape, { entry, limit: count });
    if (rows.length === 0) continue;
    if (!isLeft && isPreceded(state, worker, shape, rows[0])) isAll = false;
    else grantWaiting(state, out, worker, rows);
  }
  return isAll;
}

/**
 * The workers of which something has changed for what waits there: what ends anywhere makes room
 * under a user's cap, and that may be used everywhere.
 */
export function withCappedLines(state: ControllerState, touched: readonly Worker[]): Worker[] {
  const isCapped = (shape: Shape) => shape.prefetched > 0 && hasCap(state, state.users[shape.user]);
  const capped = state.access.budgets.size === 0 ? [] : state.shapes.filter(isCapped);
  if (capped.length === 0) return [...touched];
  const hasLine = ({ shapes }: Worker) => capped.some(({ index }) => shapes.has(index));
  const lined = state.workers.filter((worker) => isOpen(worker) && hasLine(worker));
  return [...new Set([...touched, ...lined])];
}

function grantWaiting(
  state: ControllerState,
  out: Outbox,
  worker: Worker,
  rows: readonly number[],
): void {
  const { attempts, tasks } = state;
  out.record(state, { type: "attempts-granted", attempts: Uint32Array.from(rows) });
  out.toWorker(state, worker.index, {
    type: "grant",
    attempts: Float64Array.from(rows, (row) => attempts.id[row]),
    tasks: Float64Array.from(rows, (row) => tasks.ref(attempts.task[row])),
  });
}

/** Whether somebody in a queue goes before this attempt and fits the worker as it is. */
function isPreceded(state: ControllerState, worker: Worker, shape: Shape, row: number): boolean {
  if (state.queuedShapes.size === 0) return false;
  const own = queueKeyOf(state, shape, state.attempts.task[row]);
  for (const index of state.queuedShapes) {
    const other = state.shapes[index];
    if (other === shape || !waitsForRoom(state, other)) continue;
    if (goesBefore(queueKeyOf(state, other), own) && takes(state, worker, other)) return true;
  }
  return false;
}

/** The attempts of a shape that wait on a worker for a grant, oldest first. */
function waitingRows(
  state: ControllerState,
  worker: Worker,
  shape: Shape,
  { entry, limit }: { readonly entry: ShapeOnWorker; readonly limit: number },
): number[] {
  // A set: a row that was used again may stand in the ring twice.
  const rows = new Set<number>();
  for (let i = 0; rows.size < limit && i < entry.waiting.length; i++) {
    const row = entry.waiting.at(i);
    if (isWaiting(state, row, worker.index, shape.index)) rows.add(row);
  }
  return [...rows];
}

/** What is told to stop, or to come back, takes no room that comes free. */
const leaving = attemptFlag.retracting | attemptFlag.stopping;

function isWaiting(state: ControllerState, row: number, worker: number, shape: number): boolean {
  const { attempts } = state;
  return (
    attempts.id[row] !== 0 &&
    !attempts.isGranted(row) &&
    !attempts.hasFlag(row, leaving) &&
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
    /** Where it was its turn in this pass. */
    readonly placedOn: ReadonlySet<WorkerIndex>;
    readonly assignments: AssignmentRecorder;
  },
): void {
  const { shape, candidates, placedOn, assignments } = pass;
  const rooms = leaveToRivals(
    state,
    shape,
    placedOn,
    candidates
      .map((worker) => ({ worker, room: prefetchRoom(state, worker, shape) }))
      .filter(({ worker, room }) => room > 0 && mayUse(worker, shape)),
  );
  // Evenly: a worker that is asked first must not take what its neighbours would run sooner.
  for (let left = rooms.length; left > 0; left--) {
    const { worker, room } = rooms[rooms.length - left];
    const share = Math.min(room, Math.ceil(shape.queued / left));
    for (let count = share; count > 0 && shape.queued > 0; count--) {
      const task = headTask(shape);
      if (needsOwnGrant(state, task)) return;
      const hasInputs = state.tasks.dependencyCount[task] > 0;
      const wait = hasInputs ? chooseLine(state, { task, shape, worker }) : null;
      const place = wait === null ? worker : state.workers[wait.worker];
      const order = { task, worker: place, prefetched: true, grant: null, wait };
      assignAndSend(state, out, assignments, order);
    }
  }
}

/** Where its inputs are, if it begins sooner there; or that worker, if it has much of them. */
function chooseLine(
  state: ControllerState,
  {
    task,
    shape,
    worker,
  }: { readonly task: number; readonly shape: Shape; readonly worker: Worker },
): DataWait | null {
  const inputs = inputBytesOf(state, task);
  if (inputs === null) return null;
  const startUs = lineWaitUs(state, worker, shape);
  return (
    chooseWait(state, task, { shape, inputs, elsewhere: worker, startUs }) ??
    waitWhereItIs(state, task, { shape, inputs, worker })
  );
}

interface PrefetchRoom {
  readonly worker: Worker;
  readonly room: number;
}

/**
 * Without those workers where somebody waits who should have what an attempt of the shape gives
 * back. Passed on and on it would never come free; so who waits has it at the latest when the
 * window of work that came with the last turn is done.
 */
function leaveToRivals(
  state: ControllerState,
  shape: Shape,
  placedOn: ReadonlySet<WorkerIndex>,
  rooms: readonly PrefetchRoom[],
): readonly PrefetchRoom[] {
  if (rooms.length === 0 || state.queuedShapes.size < 2) return rooms;
  const rivals = rivalsOf(state, shape);
  return rooms.filter(({ worker }) => {
    const isItsTurn = placedOn.has(worker.index);
    return !rivals.some((rival) => {
      if (isItsTurn && !rival.goesFirst) return false;
      return takesAfter(state, worker, rival.shape, shape.request);
    });
  });
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
    if (!mayRetract(state, shape)) continue;
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
  if (!mayRetract(state, shape)) return;
  if (lineUpOf(state, shape).length > 0) retractHalf(state, out, shape);
}

/**
 * A queue has grown. What was sent ahead of it and may run for long is taken back where the queue
 * should have the room that comes free. What is short is done within its window.
 */
export function retractForRival(
  state: ControllerState,
  out: Outbox,
  { rival, candidates }: { readonly rival: Shape; readonly candidates: () => readonly Worker[] },
): void {
  const mayRunLong = ({ meanUs }: Shape) => meanUs === 0 || meanUs > prefetchWindowUs;
  const longs = state.shapes.filter((shape) => shape.prefetched > 0 && mayRunLong(shape));
  if (longs.length === 0 || !waitsForRoom(state, rival)) return;
  const key = queueKeyOf(state, rival);
  let left = rivalRetractsMax;
  for (const worker of candidates()) {
    if (worker.prefetched === 0 || !isHealthy(worker)) continue;
    const rows = longs.flatMap((shape) => passedOver(state, worker, shape, { rival, key }));
    orderRetracts(state, out, worker.index, rows);
    if (rows.length > 0 && --left === 0) return;
  }
}

/** What waits there for a grant of the shape although that queue should have it. */
function passedOver(
  state: ControllerState,
  worker: Worker,
  shape: Shape,
  { rival, key }: { readonly rival: Shape; readonly key: QueueKey },
): number[] {
  const entry = worker.shapes.get(shape.index);
  if (entry === undefined || entry.prefetched === 0 || shape === rival) return [];
  const all = waitingRows(state, worker, shape, { entry, limit: Number.POSITIVE_INFINITY });
  const rows = all.filter((row) => {
    return isRival(key, queueKeyOf(state, shape, state.attempts.task[row]));
  });
  return rows.length > 0 && takesAfter(state, worker, rival, shape.request) ? rows : [];
}

/** One round at a time: the answers of the last one decide whether another is worth it. */
function mayRetract(state: ControllerState, shape: Shape): boolean {
  const { prefetched, queued, retracting } = shape;
  if (prefetched === 0 || queued > 0 || retracting > 0) return false;
  return capCount(state, shape, 1) > 0; // Its user is no further anywhere else.
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

/**
 * The younger half of the prefetched attempts, but for those that are being retracted already and
 * those that would wait longer for their inputs elsewhere.
 */
function retractable(
  state: ControllerState,
  worker: Worker,
  shape: Shape,
  entry: ShapeOnWorker,
): number[] {
  const rows = new Set<number>();
  let left = 0;
  for (let i = entry.waiting.length - 1; i >= 0; i--) {
    if (rows.size * 2 >= entry.prefetched || left === leftInLineMax) break;
    const row = entry.waiting.at(i);
    if (!isWaiting(state, row, worker.index, shape.index)) continue;
    if (isLeftInLine(state, row)) left++;
    else rows.add(row);
  }
  return [...rows];
}
