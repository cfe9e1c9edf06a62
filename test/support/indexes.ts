/**
 * What follows from the durable tables of a controller: the indexes that facts keep up to date one
 * by one, and that a snapshot has made anew at once. Both must come to the same.
 *
 * @module
 */

import type { Heap } from "../../src/base/heap.ts";
import type { U32Ring } from "../../src/base/ring.ts";
import { startMaxUs } from "../../src/controller/limits.ts";
import type { ControllerState, Shape, Worker } from "../../src/controller/state.ts";
import { shapeOf } from "../../src/controller/state.ts";
import { stage } from "../../src/controller/tables/task-table.ts";

/** Every index by its name, in an order that does not depend on how it came about. */
export function indexesOf(state: ControllerState): { readonly [name: string]: unknown } {
  return {
    jobsById: sorted(state.jobsById),
    jobsByTokenHash: sorted(state.jobsByTokenHash),
    clientsById: sorted(state.clientsById),
    workersById: sorted(state.workersById),
    usersByName: sorted(state.usersByName),
    users: state.users.map(({ name, used, spend, openTasks, shapes }) => {
      return { name, used: amountsOf(used), spend, openTasks, shapes: numbers(shapes) };
    }),
    grantedByBand: [...state.grantedByBand],
    shapesByKey: sorted(state.shapesByKey),
    specsByKey: sorted(state.specsByKey),
    queuedShapes: numbers(state.queuedShapes),
    shapes: state.shapes.map((shape) => queueOf(state, shape)),
    workers: state.workers.map((worker) => ledgerOf(state, worker)),
    strays: sorted(state.strays),
    strayOfTask: sorted(state.strayOfTask),
    keys: state.keys.size,
    calls: sorted(state.calls.byActor).map(([actor, { rows, orders, head, ...counts }]) => {
      return [actor, { rows: rows.slice(head), orders: orders.slice(head), ...counts }];
    }),
    delays: dueOf(state.delays, (ref, at) => state.notBefore.get(state.tasks.find(ref)) === at),
    schedulingDeadlines: dueOf(state.schedulingDeadlines, (ref, at) => {
      return state.startBy.get(state.tasks.find(ref)) === at;
    }),
    startDeadlines: dueOf(state.startDeadlines, (ref, at) => isStartDue(state, ref, at)),
    reservations: sorted(state.reservations),
    endpointsByName: sorted(state.access.endpointsByName),
    endpointsByAttempt: sorted(state.access.endpointsByAttempt),
    tokensByHash: sorted(state.access.tokensByHash),
  };
}

function queueOf(state: ControllerState, shape: Shape): unknown {
  const { index, key, specCount, queued, prefetched } = shape;
  const inQueue = (ring: U32Ring) => {
    return rowsIn(ring).filter((row) => {
      return state.tasks.stage[row] === stage.queued && shapeOf(state, row) === shape;
    });
  };
  const [woken, fresh] = [shape.woken, shape.fresh].map((ring) => numbers(new Set(inQueue(ring))));
  return { index, key, specCount, queued, prefetched, woken, fresh };
}

/** What a worker is charged, by queue, and what it holds. */
function ledgerOf({ attempts }: ControllerState, worker: Worker): unknown {
  const { workerId, liveAttempts, prefetched, attemptsDigest, valuesDigest } = worker;
  const { heldValues, heldValueBytes } = worker;
  const shapes = [...worker.shapes].map(([shape, entry]) => {
    const { granted, started, startedMs, prefetched: inLine } = entry;
    const waiting = rowsIn(entry.waiting).filter((row) => {
      return (
        attempts.id[row] !== 0 &&
        attempts.worker[row] === worker.index &&
        attempts.shape[row] === shape &&
        !attempts.isGranted(row)
      );
    });
    return [shape, { granted, started, startedMs, prefetched: inLine, waiting }] as const;
  });
  return {
    ...{ workerId, liveAttempts, prefetched, attemptsDigest, valuesDigest },
    ...{ heldValues, heldValueBytes, used: amountsOf(worker.used) },
    shapes: shapes
      .filter(([, { granted, prefetched: inLine }]) => granted + inLine > 0)
      .sort(([a], [b]) => a - b),
    deviceUse: sorted(worker.deviceUse),
    reservations: worker.reservations.map(({ id }) => id),
  };
}

/** Whether it is of the attempt that the task has now: those of earlier ones are passed over. */
function isStartDue({ tasks, attempts }: ControllerState, ref: number, at: number): boolean {
  const row = tasks.attempt[tasks.find(ref)];
  return row !== undefined && at === attempts.assignedAt[row] + startMaxUs;
}

function rowsIn(ring: U32Ring): number[] {
  return Array.from({ length: ring.length }, (_, place) => ring.at(place));
}

/** Without what is zero at the end: vectors grow with the dimensions that are known. */
function amountsOf(vector: Float64Array): number[] {
  const amounts = [...vector];
  while (amounts.at(-1) === 0) amounts.pop();
  return amounts;
}

function numbers(all: Iterable<number>): number[] {
  return [...all].sort((a, b) => a - b);
}

function sorted<Key extends string | number, Value>(map: ReadonlyMap<Key, Value>): [Key, Value][] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** What is due when, of what still is. */
function dueOf(heap: Heap, isDue: (ref: number, at: number) => boolean): unknown {
  const due: [number, number][] = [];
  heap.forEach((at, ref) => {
    if (isDue(ref, at)) due.push([at, ref]);
  });
  return due.sort(([a, b], [c, d]) => a - c || b - d);
}
