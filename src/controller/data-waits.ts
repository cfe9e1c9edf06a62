/**
 * Where a task goes for its inputs: to wait in line at the worker that has them, or to have them
 * moved to one that has room.
 *
 *     in a queue ─▶ in line where its inputs are ─▶ runs there
 *                        └ at its bound: may be taken back, and goes where there is room
 *
 * To stand in line is to be sent ahead of need (`prefetching.ts`): the attempt holds nothing, its
 * missing inputs come meanwhile, and it begins with the grant of what ends there. It is left alone
 * for as long as it would take to move what is there, and no longer: then it is work like any
 * other that was sent ahead. So the wait costs at most what the move would have; less where what
 * it waits for is late.
 *
 * Both times are estimates: bytes by the measured rate of transfers, and what runs by the mean of
 * its queue. Where nothing is known of what runs nobody waits for it.
 *
 * @module
 */

import { getRare, hasRare } from "../base/rare.ts";
import type { Micros } from "../base/time.ts";
import type { WorkerIndex } from "../model/ids.ts";
import { prefetchPerShapeMax } from "../scheduler/limits.ts";
import { keepsTurns } from "../scheduler/queue-policy.ts";
import { remainingUs, transferUs } from "../scheduler/transfer-cost.ts";
import type { DataWait } from "./data-wait-state.ts";
import { mayUse } from "./eligibility.ts";
import { takes, takesAfter } from "./fitting.ts";
import { lineUpOf } from "./fleet.ts";
import {
  dataHoldersMax,
  dataWaitLateFactor,
  dataWaitLateUsMin,
  dataWaitUsMax,
  dataWaitUsMin,
  queuesInLineMax,
} from "./limits.ts";
import type { Outbox } from "./outbox.ts";
import { rivalsOf } from "./queue-order.ts";
import { binds, reservationsOf } from "./reservations.ts";
import { orderRetracts } from "./retracts.ts";
import {
  type ControllerState,
  isHealthy,
  isOpen,
  type Shape,
  type ShapeOnWorker,
  specOf,
  type Worker,
} from "./state.ts";
import { attemptFlag } from "./tables/attempt-table.ts";
import { noSlot, taskFlag } from "./tables/task-table.ts";
import { hasCap } from "./users.ts";

/** Of what a task reads: the bytes that must be fetched where they are not, and who has them. */
export interface InputBytes {
  readonly total: number;
  readonly byWorker: ReadonlyMap<WorkerIndex, number>;
}

/** Null of a task without inputs. */
export function inputBytesOf(state: ControllerState, task: number): InputBytes | null {
  const { tasks } = state;
  if (tasks.dependencyCount[task] === 0) return null;
  const byWorker = new Map<WorkerIndex, number>();
  let total = 0;
  for (let position = 0; position < tasks.dependencyCount[task]; position++) {
    const input = tasks.dependency(task, position);
    if (state.inline.bytes.has(input)) continue; // It travels with the order.
    const bytes = tasks.valueBytes[input];
    total += bytes;
    const add = (holder: WorkerIndex) => byWorker.set(holder, (byWorker.get(holder) ?? 0) + bytes);
    add(tasks.holder[input]);
    for (const extra of getRare(state.extraHolders, input) ?? []) add(extra);
  }
  return { total, byWorker };
}

/** Microseconds to bring to a worker what it lacks. */
function moveUs(state: ControllerState, { total, byWorker }: InputBytes, worker: Worker): number {
  const missing = total - (byWorker.get(worker.index) ?? 0);
  return transferUs(missing, state.dataWaits.bytesPerSecond);
}

/**
 * Where the task had better stand in line than go to `elsewhere`, which could begin in `startUs`;
 * null if there is no such worker.
 */
export function chooseWait(
  state: ControllerState,
  task: number,
  about: {
    readonly shape: Shape;
    readonly inputs: InputBytes;
    readonly elsewhere: Worker;
    readonly startUs: number;
  },
): DataWait | null {
  const { shape, inputs, elsewhere, startUs } = about;
  const movedIn = moveUs(state, inputs, elsewhere);
  if (movedIn < dataWaitUsMin || !mayStandInLine(state, shape, task)) return null;
  const until = boundOf(state, task, movedIn);
  let sooner = Math.max(movedIn, startUs) - dataWaitUsMin;
  let best: DataWait | null = null;
  let looks = 0;
  for (const [index, bytes] of inputs.byWorker) {
    if (looks++ === dataHoldersMax) break;
    // Nobody has it any more, or it is the one to compare with.
    if (index === noSlot || index === elsewhere.index) continue;
    const worker = state.workers[index];
    const lineUs = lineWaitUs(state, worker, shape);
    const beginsIn = Math.max(lineUs, moveUs(state, inputs, worker));
    if (beginsIn >= sooner || state.at + lineUs > until) continue;
    sooner = beginsIn;
    const expectedAt = state.at + Math.ceil(beginsIn);
    best = {
      worker: index,
      bytes,
      expectedAt,
      until: Math.min(until, patienceUntil(state, lineUs)),
    };
  }
  if (best === null || isLeftToRivals(state, shape, state.workers[best.worker])) return null;
  return best;
}

/** What is sent ahead to a worker that has much of its input stays there for as long as that. */
export function waitWhereItIs(
  state: ControllerState,
  task: number,
  about: { readonly shape: Shape; readonly inputs: InputBytes; readonly worker: Worker },
): DataWait | null {
  const { shape, inputs, worker } = about;
  const bytes = inputs.byWorker.get(worker.index) ?? 0;
  const movedIn = transferUs(bytes, state.dataWaits.bytesPerSecond);
  if (movedIn < dataWaitUsMin) return null;
  const lineUs = lineWaitUs(state, worker, shape);
  const until = Math.min(boundOf(state, task, movedIn), patienceUntil(state, lineUs));
  if (state.at + lineUs > until) return null;
  return { worker: worker.index, bytes, expectedAt: state.at + Math.ceil(lineUs), until };
}

/** What takes so much longer than it was expected to was not known well enough to wait for it. */
function patienceUntil({ at }: ControllerState, lineUs: number): Micros {
  return at + Math.ceil(dataWaitLateFactor * lineUs) + dataWaitLateUsMin;
}

/** As long as the move takes, and no longer than it was to wait when it began to. */
function boundOf(state: ControllerState, task: number, movedIn: number): Micros {
  const until = state.at + Math.ceil(Math.min(movedIn, dataWaitUsMax));
  return Math.min(until, getRare(state.dataWaits.waits, task)?.until ?? until);
}

/** Not where the order is one over all, nor for what a grant of its own or a cap is asked for. */
function mayStandInLine(state: ControllerState, shape: Shape, task: number): boolean {
  if (!shape.prefetchable || keepsTurns(state.policy) || needsOwnGrant(state, task)) return false;
  if (hasCap(state, state.users[shape.user])) return false;
  return state.reservations.size === 0 || reservationsOf(state, shape.index).length === 0;
}

/** What must not begin by itself, nor be taken along by what it follows. */
export function needsOwnGrant(state: ControllerState, task: number): boolean {
  if (state.tasks.hasFlag(task, taskFlag.suspect)) return true;
  return hasRare(state.reschedules, task) || specOf(state, task).exclusive === true;
}

/** Whether somebody waits who should have what an attempt of the shape gives back there. */
function isLeftToRivals(state: ControllerState, shape: Shape, worker: Worker): boolean {
  if (state.queuedShapes.size < 2) return false;
  const rivals = rivalsOf(state, shape);
  return rivals.some((rival) => takesAfter(state, worker, rival.shape, shape.request));
}

/**
 * Microseconds until one more attempt of the shape is expected to begin there; Infinity where that
 * is not known, or where none may stand in line.
 */
export function lineWaitUs(state: ControllerState, worker: Worker, shape: Shape): number {
  if (!isOpen(worker) || !mayUse(worker, shape) || worker.strangers.size > 0) return never;
  if (worker.reservations.some((one) => binds(state, one, shape))) return never;
  const inLine = worker.shapes.get(shape.index)?.prefetched ?? 0;
  if (inLine >= prefetchPerShapeMax) return never;
  let least = never;
  let looks = 0;
  for (const [index, entry] of worker.shapes) {
    if (looks++ === queuesInLineMax) break;
    const other = state.shapes[index];
    if (entry.granted === 0 || other.meanUs === 0) continue;
    if (other !== shape && !takesAfter(state, worker, shape, other.request)) continue;
    const ahead = entry.prefetched + (other === shape ? 0 : inLine);
    const line = (ahead * other.meanUs) / entry.granted;
    least = Math.min(least, nextEndUs(state, entry, other.meanUs) + line);
  }
  return least;
}

const never = Number.POSITIVE_INFINITY;

/** Until the one of them ends that has run for the mean of them all. */
function nextEndUs({ at }: ControllerState, entry: ShapeOnWorker, meanUs: number): number {
  if (entry.started === 0) return meanUs;
  return remainingUs(meanUs, at - (entry.startedMs * 1000) / entry.started);
}

/**
 * Whether the attempt waits for its inputs' sake, and is not to be taken back yet: not where they
 * have come meanwhile, nor once to move them takes less than it has yet to wait.
 */
export function isLeftInLine(state: ControllerState, row: number): boolean {
  const { attempts, dataWaits, at } = state;
  const wait = getRare(dataWaits.waits, attempts.task[row]);
  if (wait === undefined || wait.worker !== attempts.worker[row] || wait.until <= at) return false;
  const movedIn = transferUs(wait.bytes, dataWaits.bytesPerSecond);
  if (movedIn + dataWaitUsMin < wait.expectedAt - at) return false;
  return !hasFreeHolder(state, row);
}

/** Whether another worker has room for it, and what it reads. */
function hasFreeHolder(state: ControllerState, row: number): boolean {
  const { attempts, shapes, workers } = state;
  const inputs = inputBytesOf(state, attempts.task[row]);
  if (inputs === null) return false;
  let looks = 0;
  for (const index of inputs.byWorker.keys()) {
    if (looks++ === dataHoldersMax) return false;
    if (index === attempts.worker[row] || index === noSlot) continue;
    const worker = workers[index];
    if (moveUs(state, inputs, worker) > dataWaitUsMin) continue;
    if (takes(state, worker, shapes[attempts.shape[row]])) return true;
  }
  return false;
}

/** What has waited for as long as it may goes where there is room, if that is anywhere. */
export function endDataWaits(state: ControllerState, out: Outbox, at: Micros): void {
  const due = state.dataWaits.deadlines.valuesUpTo(at);
  if (due.length === 0) return;
  out.record(state, { type: "data-waits-ended", until: at });
  const rows = new Map<WorkerIndex, number[]>();
  for (const ref of new Set(due)) {
    const task = state.tasks.find(ref);
    const row = task < 0 ? noSlot : state.tasks.attempt[task];
    if (row === noSlot || !isMovable(state, row)) continue;
    const worker = state.attempts.worker[row];
    const known = rows.get(worker);
    if (known === undefined) rows.set(worker, [row]);
    else known.push(row);
  }
  for (const [worker, some] of rows) orderRetracts(state, out, worker, some);
}

const underway = attemptFlag.started | attemptFlag.stopping | attemptFlag.retracting;

/** Whether it stands in line where it need not, and another worker has room for it. */
function isMovable(state: ControllerState, row: number): boolean {
  const { attempts } = state;
  const worker = state.workers[attempts.worker[row]];
  if (attempts.isGranted(row) || (attempts.flags[row] & underway) !== 0) return false;
  if (isLeftInLine(state, row) || !isHealthy(worker)) return false;
  const lineUp = lineUpOf(state, state.shapes[attempts.shape[row]]);
  return lineUp.length > (lineUp.has(worker.index) ? 1 : 0);
}
