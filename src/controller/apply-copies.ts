/**
 * How facts about copies that are lacking, ordered or looked at change the state. All are volatile:
 * a controller that begins to serve learns from inventories who holds what.
 *
 * @module
 */

import { closeOrder, listForLook, newCopiesState, noNeed, setNeed } from "./copies-state.ts";
import type { FactOf } from "./facts.ts";
import type { ControllerState } from "./state.ts";
import { noSlot } from "./tables/task-table.ts";

type CopyFact =
  | "copies-touched"
  | "copies-moving"
  | "copies-reviewed"
  | "copies-let-go"
  | "copies-ordered"
  | "copies-closed"
  | "copies-looked-at"
  | "worker-emptying"
  | "worker-emptied";

export const copyAppliers: {
  readonly [T in CopyFact]: (state: ControllerState, fact: FactOf<T>) => void;
} = {
  "copies-touched": ({ copies }, { tasks }) => {
    for (const task of tasks) copies.touched.add(task);
  },
  "copies-moving": ({ copies }, { tasks }) => {
    for (const task of tasks) {
      copies.moving.add(task);
      copies.touched.add(task);
    }
  },
  "copies-reviewed": (state, { lacking, settled }) => {
    const { copies } = state;
    copies.touched.clear();
    for (const task of lacking) {
      if (!copies.needs.has(task)) setNeed(state, task, noNeed);
      copies.due.add(task);
    }
    for (const task of settled) setNeed(state, task, null);
  },
  "copies-let-go": (state, { tasks }) => {
    for (const task of tasks) setNeed(state, task, null);
  },
  "copies-ordered": (state, { task, workers }) => {
    const { ordered, failed } = state.copies.needs.get(task) ?? noNeed;
    setNeed(state, task, { ordered: [...ordered, ...workers], failed });
    state.copies.due.delete(task);
  },
  "copies-closed": (state, { worker, tasks, failed }) => {
    for (const task of tasks) {
      closeOrder(state, task, worker, failed);
      if (failed) listForLook(state, task);
    }
  },
  "copies-looked-at": lookedAt,
  "worker-emptying": (state, { worker, by }) => {
    state.workers[worker].leavesBy = by;
    state.copies.emptying.set(worker, noSlot);
  },
  "worker-emptied": ({ copies }, { worker }) => {
    copies.emptying.delete(worker);
  },
};

/** What could not be brought by some may be tried by all again. */
function lookedAt(state: ControllerState, { until, again }: FactOf<"copies-looked-at">): void {
  const { looks, listed, needs, touched } = state.copies;
  while (looks.length > 0 && looks.peekKey() <= until) {
    const task = state.tasks.find(looks.pop());
    if (task < 0) continue;
    listed.delete(task);
    const need = needs.get(task);
    if (need === undefined || need.failed.length === 0) continue;
    setNeed(state, task, { ordered: need.ordered, failed: [] });
    touched.add(task);
  }
  for (const task of again) listForLook(state, task);
}

/** Nothing is under way in the eyes of a controller that begins to serve. */
export function beginCopiesAnew(state: ControllerState): void {
  for (const worker of state.workers) worker.leavesBy = 0;
  Object.assign(state.copies, newCopiesState());
  for (const task of state.shared.copies.keys()) state.copies.touched.add(task);
}
