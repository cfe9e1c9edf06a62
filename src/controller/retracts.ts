/**
 * Work that is taken back from a worker before it starts: another one would run it sooner, or an
 * input of it has no value any more.
 *
 * Whoever waits on a worker for an input that must be computed first would hold its room for as
 * long, and the input may need that very room: so it goes back to its queue.
 *
 * @module
 */

import type { WorkerIndex } from "../model/ids.ts";
import type { Outbox } from "./outbox.ts";
import type { ControllerState } from "./state.ts";
import { attemptFlag } from "./tables/attempt-table.ts";
import { noEdge } from "./tables/edges.ts";
import { noSlot } from "./tables/task-table.ts";

/** Orders one worker to give these attempts back unless they have started. */
export function orderRetracts(
  state: ControllerState,
  out: Outbox,
  worker: WorkerIndex,
  rows: readonly number[],
): void {
  if (rows.length === 0) return;
  const { attempts, tasks } = state;
  out.record(state, { type: "retracts-ordered", attempts: Uint32Array.from(rows), on: true });
  out.toWorker(state, worker, {
    type: "retract",
    attempts: Float64Array.from(rows, (row) => attempts.id[row]),
    tasks: Float64Array.from(rows, (row) => tasks.ref(attempts.task[row])),
  });
}

/** Takes back whatever waits on a worker for the value of `task`. */
export function retractDependents(state: ControllerState, out: Outbox, task: number): void {
  const { tasks } = state;
  const rows: number[] = [];
  for (let edge = tasks.dependentsHead[task]; edge !== noEdge; edge = tasks.edges.next[edge]) {
    const row = tasks.attempt[tasks.edges.owner[edge]];
    if (row !== noSlot) rows.push(row);
  }
  retractUnfed(state, out, rows);
}

/** Takes back those of these attempts that wait for an input without a value. */
export function retractUnfed(state: ControllerState, out: Outbox, rows: readonly number[]): void {
  const unfed = new Map<WorkerIndex, number[]>();
  for (const row of new Set(rows)) {
    if (!isUnfed(state, row)) continue;
    const worker = state.attempts.worker[row];
    const known = unfed.get(worker);
    if (known === undefined) unfed.set(worker, [row]);
    else known.push(row);
  }
  for (const [worker, some] of unfed) orderRetracts(state, out, worker, some);
}

const underway = attemptFlag.started | attemptFlag.stopping | attemptFlag.retracting;

/** A worker that is away is told when it is back. */
function isUnfed({ attempts, tasks, workers }: ControllerState, row: number): boolean {
  if (tasks.waitingOn[attempts.task[row]] === 0) return false;
  return (attempts.flags[row] & underway) === 0 && workers[attempts.worker[row]].connected;
}
