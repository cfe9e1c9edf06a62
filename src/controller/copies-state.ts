/**
 * What is remembered of the copies of values: how many are wanted is durable (`shared.copies`),
 * what is under way is not.
 *
 * A value whose copies may be too few is *touched*, by whoever changes who holds it, how many are
 * wanted or who may hold it, and looked at before the step ends. One that has copies which may be
 * too many is *listed for a look*, some seconds later. So nobody ever goes over all values.
 *
 * @module
 */

import { Heap } from "../base/heap.ts";
import { hasRare } from "../base/rare.ts";
import type { WorkerIndex } from "../model/ids.ts";
import { surplusLookUs, surplusRestUs } from "./limits.ts";
import { type ControllerState, isOpen, type Worker } from "./state.ts";
import { noSlot } from "./tables/task-table.ts";

/** A value that has fewer copies than it should. */
export interface CopyNeed {
  /** Workers that were told to fetch it and have not answered. */
  readonly ordered: readonly WorkerIndex[];
  /** Workers that could not: left out until the value is looked at again. */
  readonly failed: readonly WorkerIndex[];
}

export interface CopiesState {
  /** Rows of tasks to look at before the step ends. */
  readonly touched: Set<number>;
  readonly needs: Map<number, CopyNeed>;
  /** Those of `needs` for which a worker can be told to fetch, in the order of asking. */
  readonly due: Set<number>;
  /** Those of `needs` that are to move: they have one copy more until one can be dropped. */
  readonly moving: Set<number>;
  /** Worker → the rows that it was told to fetch. */
  readonly orders: Map<WorkerIndex, Set<number>>;
  /** (time, TaskRef): then somebody asks whether the copies are too many. */
  readonly looks: Heap;
  /** Rows with an entry there. */
  readonly listed: Set<number>;
  /**
   * Workers that leave once nothing is copied from them any more, with a row that is, or was when
   * somebody looked: where to look first, and nothing else.
   */
  readonly emptying: Map<WorkerIndex, number>;
}

export function newCopiesState(): CopiesState {
  const sets = { touched: new Set<number>(), due: new Set<number>(), listed: new Set<number>() };
  const moving = new Set<number>();
  return {
    ...sets,
    moving,
    needs: new Map(),
    orders: new Map(),
    looks: new Heap(),
    emptying: new Map(),
  };
}

export const noNeed: CopyNeed = { ordered: [], failed: [] };

/** Whether what the worker holds counts: it is not to leave, or was waited for long enough. */
export function keepsValues({ draining, givenUp, leavesBy }: Worker): boolean {
  return leavesBy === 0 && (!draining || givenUp !== null);
}

/** Who holds the value, or who should, may have changed: called by the appliers of that. */
export function touchCopies(state: ControllerState, task: number): void {
  const { copies, shared, tasks } = state;
  const holder = tasks.holder[task];
  const leaves = holder !== noSlot && !keepsValues(state.workers[holder]);
  if (leaves || hasRare(shared.copies, task) || hasRare(copies.needs, task)) {
    copies.touched.add(task);
  }
}

/** A worker takes work again, or none any more: what it was told to fetch, and what lacks. */
export function touchCopiesOf(state: ControllerState, worker: Worker): void {
  const { copies, shared } = state;
  for (const task of copies.orders.get(worker.index) ?? []) copies.touched.add(task);
  for (const [task, count] of shared.copies) if (count === 0) copies.touched.add(task);
  if (isOpen(worker)) touchNeeds(state);
}

/** All that lacks copies. */
export function touchNeeds({ copies }: ControllerState): void {
  for (const task of copies.needs.keys()) copies.touched.add(task);
}

/** Asks in some seconds whether the copies of the value are too many, unless that is asked. */
export function listForLook(state: ControllerState, task: number): void {
  const { looks, listed } = state.copies;
  if (listed.has(task)) return;
  listed.add(task);
  // On whole intervals, so that many values are one wake-up.
  const due = Math.ceil((state.at + surplusRestUs) / surplusLookUs) * surplusLookUs;
  looks.push(due, state.tasks.ref(task));
}

/** Sets what is under way for a value; nothing, and nothing lacking, forgets it. */
export function setNeed(state: ControllerState, task: number, need: CopyNeed | null): void {
  const { needs, orders, due, moving } = state.copies;
  for (const worker of needs.get(task)?.ordered ?? []) {
    const rows = orders.get(worker);
    rows?.delete(task);
    if (rows?.size === 0) orders.delete(worker);
  }
  if (need === null) {
    needs.delete(task);
    due.delete(task);
    moving.delete(task);
    return;
  }
  needs.set(task, need);
  for (const worker of need.ordered) {
    const rows = orders.get(worker);
    if (rows === undefined) orders.set(worker, new Set([task]));
    else rows.add(task);
  }
}

/** The order of a copy is answered, or taken back. */
export function closeOrder(
  state: ControllerState,
  task: number,
  worker: WorkerIndex,
  failed: boolean,
): void {
  const need = state.copies.needs.get(task);
  if (need === undefined || !need.ordered.includes(worker)) return;
  setNeed(state, task, {
    ordered: need.ordered.filter((one) => one !== worker),
    failed: failed ? [...need.failed, worker] : need.failed,
  });
  state.copies.touched.add(task);
}

/** The row is forgotten, and everything that was to be done for it. */
export function forgetCopies({ copies, shared }: ControllerState, task: number): void {
  copies.touched.delete(task);
  copies.listed.delete(task);
  copies.moving.delete(task);
  shared.copies.delete(task);
}
