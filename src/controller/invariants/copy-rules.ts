/**
 * What must be true of the copies of values: what lacks some is known, what has too many is looked
 * at, and what was ordered is where it can come.
 *
 * @module
 */

import { missingCopies } from "../copies.ts";
import { type ControllerState, isOpen, type Worker } from "../state.ts";
import { noSlot } from "../tables/task-table.ts";
import { holdersOf } from "../values.ts";
import type { Inspection, WholeRule } from "./inspection.ts";

/** What lacks copies is listed as such, and nothing else is. */
function whatLacksCopiesIsKnown(look: Inspection): void {
  const { state } = look;
  for (const task of state.copies.needs.keys()) {
    if (!state.tasks.isLive(task)) look.report([], `copies of no task are needed: row ${task}`);
    else if (state.tasks.holder[task] === noSlot) look.ofTask(task, "has no value to be copied");
    else if (missingCopies(state, task) === 0) look.ofTask(task, "is copied and lacks no copy");
  }
  for (const task of state.copies.moving) {
    if (!state.copies.needs.has(task)) look.report([], `row ${task} is to move, and is not copied`);
  }
  for (const task of mayLack(state)) {
    if (!state.tasks.isLive(task) || state.tasks.holder[task] === noSlot) continue;
    if (state.copies.needs.has(task)) continue;
    if (missingCopies(state, task) > 0) look.ofTask(task, "lacks copies, and nobody knows");
  }
}

/** Values of which several are wanted, and those on workers that are drained or leave. */
function* mayLack(state: ControllerState): Generator<number> {
  yield* state.shared.copies.keys();
  const leaves = (worker: Worker) => worker.connected && (worker.draining || worker.leavesBy > 0);
  if (!state.workers.some(leaves)) return;
  for (const task of state.tasks.rows()) {
    const worker = state.workers[state.tasks.holder[task]];
    if (worker !== undefined && leaves(worker)) yield task;
  }
}

/** An order of a copy is at a worker that takes copies and has none, and no order is too many. */
function copiesAreOrderedWhereTheyCanCome(look: Inspection): void {
  const { state } = look;
  let count = 0;
  for (const [task, { ordered }] of state.copies.needs) {
    count += ordered.length;
    if (!state.tasks.isLive(task)) continue; // Reported by the rule above.
    if (ordered.length > missingCopies(state, task)) look.ofTask(task, "is copied too often");
    if (new Set(ordered).size < ordered.length) look.ofTask(task, "is copied twice to a worker");
    for (const worker of ordered) {
      const { workerId } = state.workers[worker];
      const isHeld = holdersOf(state, task).includes(worker);
      if (isHeld || !isOpen(state.workers[worker])) look.ofTask(task, `is copied to ${workerId}`);
      if (state.copies.orders.get(worker)?.has(task) !== true)
        look.ofTask(task, `is copied to ${workerId}, which is not listed`);
    }
  }
  for (const rows of state.copies.orders.values()) count -= rows.size;
  if (count !== 0) look.report([], "an order of a copy is listed that is none");
}

/** Copies that nobody reads and nobody wants are looked at in time. */
function surplusCopiesAreListed(look: Inspection): void {
  const { state } = look;
  for (const task of state.extraHolders.keys()) {
    const wanted = state.shared.copies.get(task) ?? 1;
    const most = wanted + state.tasks.pendingDependents[task];
    if (wanted === 0 || holdersOf(state, task).length <= most) continue;
    if (!state.copies.listed.has(task)) look.ofTask(task, "has too many copies for ever");
  }
  for (const task of [...state.copies.listed, ...state.shared.copies.keys()]) {
    if (!state.tasks.isLive(task)) look.report([], `copies of no task: row ${task}`);
  }
}

export const copyRules: readonly WholeRule[] = [
  whatLacksCopiesIsKnown,
  copiesAreOrderedWhereTheyCanCome,
  surplusCopiesAreListed,
];
