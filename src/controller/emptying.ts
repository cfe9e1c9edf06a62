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
  for (const worker of [...state.copies.emptying]) {
    if (!state.workers[worker].connected || isCopiedFrom(state, worker)) continue;
    const leftCount = soleValuesOf(state, state.workers[worker]).count;
    out.record(state, { type: "worker-emptied", worker });
    out.toWorker(state, worker, { type: "emptied", leftCount });
  }
}

/** Whether a copy of something there is on its way, or waits until somebody can be told. */
function isCopiedFrom(state: ControllerState, worker: WorkerIndex): boolean {
  const { due, needs } = state.copies;
  for (const [task, { ordered }] of needs) {
    if (ordered.length === 0 && !due.has(task)) continue;
    if (holdersOf(state, task).includes(worker)) return true;
  }
  return false;
}
