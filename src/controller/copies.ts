/**
 * Copies of values on several workers: as many as are wanted, and no others for long.
 *
 *     lacking ─▶ due ─▶ ordered ─▶ held
 *                 ▲        └─ not copied: by another worker
 *                 └───────────────────┘
 *
 * A value should be on as many workers as `replicate` or `broadcast` asked for, at least on one;
 * workers that are drained do not count. So to empty a worker is not a rule of its own: what only
 * it holds has one copy too few. Copies beyond that, which readers made, are dropped by
 * `surplus.ts`.
 *
 * @module
 */

import type { TaskRef, WorkerIndex } from "../model/ids.ts";
import { taskStateCode } from "../model/states.ts";
import { keepsValues, noNeed } from "./copies-state.ts";
import { withdraw } from "./copy-orders.ts";
import { CopyRecipients, mayHold } from "./copy-recipients.ts";
import { introducePeer } from "./inputs.ts";
import { copiesPerSourceMax } from "./limits.ts";
import type { Outbox } from "./outbox.ts";
import { type ControllerState, isHealthy, isOpen, type Worker } from "./state.ts";
import { noSlot } from "./tables/task-table.ts";
import { holdersOf } from "./values.ts";

/** Orders the copies that lack, as far as there is room for orders; runs at the end of a step. */
export function settleCopies(state: ControllerState, out: Outbox): void {
  const { copies } = state;
  if (copies.touched.size > 0) reviewTouched(state, out);
  if (copies.due.size === 0) return;
  const batch = new OrderBatch();
  const recipients = new CopyRecipients(state);
  for (const task of copies.due) {
    if (!orderCopies(state, out, task, { batch, recipients })) break;
  }
  batch.send(state, out);
}

/** Whether the task has a value that can be copied. */
function hasValue({ tasks }: ControllerState, task: number): boolean {
  if (!tasks.isLive(task) || tasks.state[task] !== taskStateCode.SUCCEEDED) return false;
  return tasks.holder[task] !== noSlot;
}

function reviewTouched(state: ControllerState, out: Outbox): void {
  const lacking: number[] = [];
  const settled: number[] = [];
  const withdrawn = new Map<WorkerIndex, number[]>();
  for (const task of state.copies.touched) {
    const need = state.copies.needs.get(task) ?? noNeed;
    const missing = hasValue(state, task) ? missingCopies(state, task) : 0;
    // Those that take no copies now, and the last of too many.
    const able = need.ordered.filter((worker) => isOpen(state.workers[worker]));
    const kept = able.slice(0, missing);
    for (const worker of need.ordered) {
      if (!kept.includes(worker)) addTo(withdrawn, worker, task);
    }
    if (missing > kept.length) lacking.push(task);
    else if (missing === 0 && isListed(state, task)) settled.push(task);
  }
  for (const [worker, tasks] of withdrawn) withdraw(state, out, worker, tasks);
  out.record(state, {
    type: "copies-reviewed",
    lacking: Uint32Array.from(lacking),
    settled: Uint32Array.from(settled),
  });
}

function isListed({ copies }: ControllerState, task: number): boolean {
  return copies.needs.has(task) || copies.moving.has(task);
}

function addTo(rows: Map<WorkerIndex, number[]>, worker: WorkerIndex, task: number): void {
  const known = rows.get(worker);
  if (known === undefined) rows.set(worker, [task]);
  else known.push(task);
}

/** How many copies a value has too few, those that are ordered apart. */
export function missingCopies(state: ControllerState, task: number): number {
  const wanted = state.shared.copies.get(task) ?? 1;
  const holders = holdersOf(state, task);
  const staying = holders.filter((one) => keepsValues(state.workers[one])).length;
  const most = Math.max(wanted, 1) + (state.copies.moving.has(task) ? 1 : 0);
  const least = Math.max(0, most - staying);
  if (wanted > 0) return least;
  const without = state.workers.filter(({ index }) => !holders.includes(index));
  return Math.max(least, without.filter((worker) => mayHold(state, task, worker)).length);
}

/** Orders of one step: each worker is told once. */
class OrderBatch {
  readonly #rows = new Map<WorkerIndex, { task: number; source: WorkerIndex }[]>();

  push(worker: WorkerIndex, task: number, source: WorkerIndex): void {
    const rows = this.#rows.get(worker);
    if (rows === undefined) this.#rows.set(worker, [{ task, source }]);
    else rows.push({ task, source });
  }

  send(state: ControllerState, out: Outbox): void {
    for (const [worker, rows] of this.#rows) {
      for (const { source } of rows) introducePeer(state, out, worker, source);
      out.toWorker(state, worker, {
        type: "copy",
        tasks: Float64Array.from(rows, ({ task }) => state.tasks.ref(task)),
        sources: Uint32Array.from(rows, ({ source }) => source),
        sizes: Float64Array.from(rows, ({ task }) => state.tasks.valueBytes[task]),
      });
    }
  }
}

/**
 * Tells workers to fetch a value that lacks copies; false if all that could are busy with others,
 * so that it waits. Each holder gives it to a few at a time: what has come is the next source.
 */
function orderCopies(
  state: ControllerState,
  out: Outbox,
  task: number,
  { batch, recipients }: { readonly batch: OrderBatch; readonly recipients: CopyRecipients },
): boolean {
  const need = state.copies.needs.get(task) ?? noNeed;
  const sources = holdersOf(state, task).filter((one) => isHealthy(state.workers[one]));
  const room = sources.length * copiesPerSourceMax - need.ordered.length;
  const count = Math.min(missingCopies(state, task) - need.ordered.length, room);
  return recipients.choose({ task, need, count }, (workers) => {
    for (const [i, worker] of workers.entries()) {
      batch.push(worker, task, sources[(need.ordered.length + i) % sources.length]);
    }
    // Whoever answers, or opens, brings it up again.
    out.record(state, { type: "copies-ordered", task, workers: Uint32Array.from(workers) });
    if (need.ordered.length + workers.length === 0) stayWhereItIs(state, out, task);
  });
}

/** What was only to move, and nobody can take, does not wait for somebody. */
function stayWhereItIs(state: ControllerState, out: Outbox, task: number): void {
  if (!state.copies.moving.has(task) || missingCopies(state, task) > 1) return;
  out.record(state, { type: "copies-let-go", tasks: Uint32Array.of(task) });
}

/** A worker could not make a copy: another one may, and in some seconds it too. */
export function onNotCopied(
  state: ControllerState,
  out: Outbox,
  { worker, ref }: { readonly worker: WorkerIndex; readonly ref: TaskRef },
): void {
  const task = state.tasks.find(ref);
  if (task < 0 || state.copies.needs.get(task)?.ordered.includes(worker) !== true) return;
  out.record(state, { type: "copies-closed", worker, tasks: Uint32Array.of(task), failed: true });
}

/** Values that a worker which is drained holds alone, and for how many of them nobody is found. */
export function soleValuesOf(
  state: ControllerState,
  { index }: Worker,
): { readonly count: number; readonly bytes: number; readonly waiting: number } {
  const sole = { count: 0, bytes: 0, waiting: 0 };
  for (const [task, { ordered }] of state.copies.needs) {
    if (state.tasks.holder[task] !== index) continue;
    if (holdersOf(state, task).some((one) => keepsValues(state.workers[one]))) continue;
    sole.count++;
    sole.bytes += state.tasks.valueBytes[task];
    if (ordered.length === 0 && !state.copies.due.has(task)) sole.waiting++;
  }
  return sole;
}
