/**
 * A worker that leaves on purpose has what only it holds copied first.
 *
 *     open ─▶ emptying ─▶ emptied ─▶ left
 *                └─ its limit is over, which it sees by itself ─▶ left
 *
 * While it is emptying it does not count as a holder that stays, so each value that only it holds
 * has a copy too few, and `copies.ts` does the rest. It is told that it may go as soon as no copy
 * is under way and none can be ordered: what nobody can take does not keep it. All of this is
 * volatile and of one incarnation: a worker that is started again is open.
 *
 * @module
 */

import type { Micros } from "../base/time.ts";
import type { WorkerIndex } from "../model/ids.ts";
import { soleValuesOf } from "./copies.ts";
import type { Outbox } from "./outbox.ts";
import type { ControllerState } from "./state.ts";
import { noSlot } from "./tables/task-table.ts";
import { holdersOf } from "./values.ts";
import { touchHeld } from "./workers.ts";

/** A worker asks that others copy what only it holds; it waits for at most `limitMs`. */
export function onWorkerEmptying(
  state: ControllerState,
  out: Outbox,
  { worker, limitMs, at }: { worker: WorkerIndex; limitMs: number; at: Micros },
): void {
  if (state.workers[worker].trouble === "") {
    out.record(state, { type: "worker-health", worker, trouble: "it is leaving" });
  }
  out.record(state, { type: "worker-emptying", worker, by: at + limitMs * 1000 });
  touchHeld(state, out, state.workers[worker]);
}

/** Tells those that are emptying, and wait for nothing any more, that they may go. */
export function settleEmptying(state: ControllerState, out: Outbox): void {
  const { emptying } = state.copies;
  for (const [worker, before] of [...emptying]) {
    if (!state.workers[worker].connected || isCopiedFrom(state, worker, before)) continue;
    const copied = copiedFrom(state, worker);
    if (copied !== noSlot) {
      emptying.set(worker, copied);
      continue;
    }
    const leftCount = soleValuesOf(state, state.workers[worker]).count;
    out.record(state, { type: "worker-emptied", worker });
    out.toWorker(state, worker, { type: "emptied", leftCount });
  }
}

/** A value of the worker of which a copy is on its way, or `noSlot`. Linear in all that lacks. */
function copiedFrom(state: ControllerState, worker: WorkerIndex): number {
  for (const task of state.copies.needs.keys()) {
    if (isCopiedFrom(state, worker, task)) return task;
  }
  return noSlot;
}

/** Whether a copy of this value of the worker is on its way, or waits for somebody to be told. */
function isCopiedFrom(state: ControllerState, worker: WorkerIndex, task: number): boolean {
  const { due, needs } = state.copies;
  const need = needs.get(task);
  if (need === undefined || (need.ordered.length === 0 && !due.has(task))) return false;
  return holdersOf(state, task).includes(worker);
}
