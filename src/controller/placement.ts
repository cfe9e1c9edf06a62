/**
 * The placement pass: who runs where, now.
 *
 * Work follows what changed: shapes whose queue grew are tried against every healthy worker, the
 * others only against workers whose room grew. A shape that does not fit blocks nothing behind it.
 * Order between shapes: band, priority, then the oldest submission; within a shape, first come,
 * first served, except that tasks which their inputs have just woken go first.
 *
 * @module
 */

import { assert, present } from "../base/assert.ts";
import { blobAt } from "../base/blobs.ts";
import type { Micros } from "../base/time.ts";
import type { WorkerIndex } from "../model/ids.ts";
import { bands } from "../model/states.ts";
import { inlineSource } from "../protocol/messages.ts";
import { dimension } from "../scheduler/dimensions.ts";
import {
  chooseGrant,
  fitCount,
  freeAmount,
  preferenceCount,
  satisfiesAll,
} from "../scheduler/fit.ts";
import { prefetchDepth } from "../scheduler/prefetch.ts";
import type { ComputeInput } from "./compute-builder.ts";
import { introducePeer, orderRetracts } from "./inputs.ts";
import { inlineInputBytesMax } from "./limits.ts";
import type { Outbox } from "./outbox.ts";
import { AssignmentRecorder } from "./recorders.ts";
import {
  type ControllerState,
  isHealthy,
  type Shape,
  type ShapeOnWorker,
  type Worker,
} from "./state.ts";
import { attemptFlag } from "./tables/attempt-table.ts";
import { noSlot, taskFlag } from "./tables/task-table.ts";

/** Places what can be placed. Changes nothing when nothing changed. */
export function placeQueued(state: ControllerState, out: Outbox, at: Micros): void {
  if (state.touchedWorkers.size === 0 && state.untriedShapes.size === 0) return;
  const touched = [...state.touchedWorkers].map((index) => state.workers[index]).filter(isHealthy);
  for (const worker of touched) promotePrefetched(state, out, worker);
  const everyone = state.untriedShapes.size === 0 ? touched : state.workers.filter(isHealthy);
  const assignments = new AssignmentRecorder(at);
  for (const shape of shapesInOrder(state)) {
    const candidates = state.untriedShapes.has(shape.index) ? everyone : touched;
    placeShape(state, out, { shape, candidates, assignments });
  }
  assignments.close(out);
  retractForIdle(state, out, touched);
  out.record(state, { type: "placement-passed", untried: [] });
}

/** Attempts that wait on a worker for a grant get one before anything new is placed there. */
function promotePrefetched(state: ControllerState, out: Outbox, worker: Worker): void {
  const { attempts, tasks } = state;
  for (const [index, entry] of worker.shapes) {
    if (entry.prefetched === 0) continue;
    const shape = state.shapes[index];
    const room = { capacity: worker.capacity, used: worker.used };
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

/** Shapes with a queue, in the order in which they may take capacity. */
function shapesInOrder(state: ControllerState): Shape[] {
  const ready = state.shapes.filter((shape) => shape.queued > 0);
  if (ready.length < 2) return ready;
  return ready.sort(
    (a, b) =>
      bands.indexOf(a.band) - bands.indexOf(b.band) ||
      b.priority - a.priority ||
      headOrder(state, a) - headOrder(state, b) ||
      a.index - b.index,
  );
}

function headOrder(state: ControllerState, shape: Shape): number {
  return state.tasks.order[headTask(shape)];
}

/** The task that the shape would place next; its queue must not be empty. */
export function headTask(shape: Shape): number {
  assert(shape.queued > 0, "only a shape with a queue has a head");
  return shape.woken.length > 0 ? shape.woken.at(0) : shape.fresh.at(0);
}

interface ShapePass {
  readonly shape: Shape;
  readonly candidates: readonly Worker[];
  readonly assignments: AssignmentRecorder;
}

function placeShape(state: ControllerState, out: Outbox, pass: ShapePass): void {
  const { shape, assignments } = pass;
  const eligible = pass.candidates.filter((worker) =>
    satisfiesAll(worker.attributes, shape.constraints),
  );
  const open = eligible.filter((worker) => fits(worker, shape));
  while (shape.queued > 0 && open.length > 0) {
    const task = headTask(shape);
    const worker = chooseWorker(state, shape, task, open);
    const grant = chooseGrant(state.dimensions, worker, shape.request);
    if (grant !== null) {
      const special = grant === shape.request.amounts ? null : grant;
      send(state, out, assignments, {
        task,
        worker: worker.index,
        prefetched: false,
        grant: special,
      });
    }
    if (grant === null || !fits(worker, shape)) open.splice(open.indexOf(worker), 1);
  }
  if (shape.queued > 0 && shape.prefetchable) {
    prefetchShape(state, out, { shape, candidates: eligible, assignments });
  }
}

function fits(worker: Worker, shape: Shape): boolean {
  return fitCount(worker, shape.request, 1) > 0;
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
  let bestScore = -1;
  for (const worker of open) {
    const preferred = preferenceCount(worker.attributes, shape.constraints);
    const free = freeAmount(worker, dimension.slots) / worker.capacity[dimension.slots];
    const score = preferred * 2 + free;
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

/** Sends work ahead of need, so that the end of an attempt needs no round trip. */
function prefetchShape(state: ControllerState, out: Outbox, pass: ShapePass): void {
  const { shape, candidates, assignments } = pass;
  const rooms = candidates
    .map((worker) => ({ worker, room: prefetchRoom(worker, shape) }))
    .filter(({ room }) => room > 0);
  // Evenly: a worker that is asked first must not take what its neighbours would run sooner.
  for (let left = rooms.length; left > 0; left--) {
    const { worker, room } = rooms[rooms.length - left];
    const share = Math.min(room, Math.ceil(shape.queued / left));
    for (let count = share; count > 0 && shape.queued > 0; count--) {
      const task = headTask(shape);
      if (state.tasks.hasFlag(task, taskFlag.suspect)) return;
      send(state, out, assignments, { task, worker: worker.index, prefetched: true, grant: null });
    }
  }
}

function prefetchRoom(worker: Worker, shape: Shape): number {
  const entry = worker.shapes.get(shape.index);
  if (entry === undefined) return 0;
  const depth = prefetchDepth(entry.granted, shape.meanUs);
  // Refilled in halves, so that a stream of ends does not become a stream of single orders.
  return entry.prefetched * 2 > depth ? 0 : depth - entry.prefetched;
}

function send(
  state: ControllerState,
  out: Outbox,
  assignments: AssignmentRecorder,
  order: { task: number; worker: WorkerIndex; prefetched: boolean; grant: Float64Array | null },
): void {
  const row = assignments.push(state, order);
  sendAttempt(state, out, row);
}

/** Orders the worker of attempt `row` to compute it. */
export function sendAttempt(state: ControllerState, out: Outbox, row: number): void {
  const { attempts, tasks } = state;
  const task = attempts.task[row];
  const worker = attempts.worker[row];
  const spec = tasks.spec[task];
  const { knownSpecs } = state.workers[worker];
  if (!knownSpecs.has(spec)) {
    knownSpecs.add(spec);
    const { definition } = state.specs[spec];
    out.toWorker(state, worker, { type: "define-spec", spec, definition });
  }
  const batch = present(state.argsBatches[tasks.argsBatch[task]], "a task has arguments");
  out.compute(state, worker, {
    attempt: attempts.id[row],
    task: tasks.ref(task),
    spec,
    shape: attempts.shape[row],
    prefetched: !attempts.isGranted(row),
    args: blobAt(batch.blobs, tasks.argsIndex[task]),
    inputs: tasks.dependencyCount[task] === 0 ? noInputs : inputsOf(state, out, task, worker),
  });
}

const noInputs: readonly ComputeInput[] = [];

function inputsOf(
  state: ControllerState,
  out: Outbox,
  task: number,
  worker: WorkerIndex,
): ComputeInput[] {
  const { tasks } = state;
  const inputs: ComputeInput[] = [];
  let inlineBytes = 0;
  for (let position = 0; position < tasks.dependencyCount[task]; position++) {
    const input = tasks.dependency(task, position);
    const ref = tasks.ref(input);
    const bytes = state.inline.bytes.get(input);
    if (bytes !== undefined && inlineBytes + bytes.length <= inlineInputBytesMax) {
      inlineBytes += bytes.length;
      inputs.push({ task: ref, source: inlineSource, inline: bytes });
      continue;
    }
    const source = sourceFor(state, input, worker);
    introducePeer(state, out, worker, source);
    inputs.push({ task: ref, source, inline: null });
  }
  return inputs;
}

/** The worker itself if it holds the value, else a healthy holder, else whoever is said to. */
function sourceFor(state: ControllerState, input: number, worker: WorkerIndex): WorkerIndex {
  const holder = state.tasks.holder[input];
  assert(holder !== noSlot, "a task is placed only when every input has a holder");
  const extras = state.extraHolders.get(input);
  if (holder === worker || extras === undefined) return holder;
  if (extras.includes(worker)) return worker;
  return [holder, ...extras].find((one) => isHealthy(state.workers[one])) ?? holder;
}

/** Where a worker idles while another holds unstarted work of a shape that fits: take half back. */
function retractForIdle(state: ControllerState, out: Outbox, touched: readonly Worker[]): void {
  for (const shape of state.shapes) {
    // One round at a time: the answers of the last one decide whether another is worth it.
    if (shape.prefetched === 0 || shape.queued > 0 || shape.retracting > 0) continue;
    if (shape.meanUs !== 0 && shape.prefetched * shape.meanUs < retractWorthUs) continue;
    const idle = touched.filter(
      (worker) => fits(worker, shape) && satisfiesAll(worker.attributes, shape.constraints),
    );
    if (idle.length > 0) retractHalf(state, out, shape);
  }
}

/** Work of less than this is not worth a round trip, microseconds. */
const retractWorthUs = 2_000;

function retractHalf(state: ControllerState, out: Outbox, shape: Shape): void {
  for (const worker of state.workers) {
    const entry = worker.shapes.get(shape.index);
    if (entry === undefined || entry.prefetched === 0 || !isHealthy(worker)) continue;
    const backlogUs = (entry.prefetched * shape.meanUs) / Math.max(1, entry.granted);
    if (shape.meanUs !== 0 && backlogUs < retractWorthUs) continue;
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
