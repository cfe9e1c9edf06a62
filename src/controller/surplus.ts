/**
 * Copies that nobody needs any more are dropped: those that readers fetched, and what is wanted on
 * fewer workers than before.
 *
 * A value keeps as many as are wanted and one for each task that will read it. What goes first is
 * on a worker that is drained or takes no work, then on the fullest. Never dropped are the last
 * copy, one that something assigned to its worker reads, and one whose worker is not heard.
 *
 * @module
 */

import { U32Column } from "../base/column.ts";
import type { Micros } from "../base/time.ts";
import type { WorkerIndex } from "../model/ids.ts";
import { isTerminalCode } from "../model/states.ts";
import type { Outbox } from "./outbox.ts";
import { type ControllerState, isHealthy, isOpen, type Worker } from "./state.ts";
import { noEdge } from "./tables/edges.ts";
import { noSlot } from "./tables/task-table.ts";
import { holdersOf, loseCopies } from "./values.ts";

/** Looks at what is listed for this time. */
export function lookAtCopies(state: ControllerState, out: Outbox, at: Micros): void {
  const due = state.copies.looks.valuesUpTo(at);
  if (due.length === 0) return;
  const again = new U32Column();
  const drops = new Map<WorkerIndex, number[]>();
  for (const ref of due) {
    const task = state.tasks.find(ref);
    if (task < 0 || !state.copies.listed.has(task)) continue;
    if (!chooseDrops(state, task, drops)) again.push(task);
  }
  out.record(state, { type: "copies-looked-at", until: at, again: again.take() });
  for (const [worker, tasks] of drops) {
    for (const task of tasks) out.forget(worker, state.tasks.ref(task), true);
    loseCopies(state, out, { worker, tasks, at });
  }
}

/** Notes which copies of a value go from where; false if it must be looked at again. */
function chooseDrops(
  state: ControllerState,
  task: number,
  drops: Map<WorkerIndex, number[]>,
): boolean {
  const wanted = state.shared.copies.get(task) ?? 1;
  if (wanted === 0) return true;
  const holders = holdersOf(state, task);
  const surplus = holders.length - wanted - state.tasks.pendingDependents[task];
  if (surplus <= 0) return true;
  // Those that it has may be the sources of what it lacks.
  if (state.copies.needs.has(task)) return false;
  const read = readersOf(state, task);
  const candidates = holders
    .map((one) => state.workers[one])
    .filter((worker) => isHealthy(worker) && !read.has(worker.index));
  candidates.sort((a, b) => worth(a) - worth(b) || b.heldValueBytes - a.heldValueBytes);
  // One remains whose worker is heard, whatever becomes of the others.
  const dropped = candidates.slice(0, Math.min(surplus, candidates.length - 1));
  for (const { index } of dropped) {
    const rows = drops.get(index);
    if (rows === undefined) drops.set(index, [task]);
    else rows.push(task);
  }
  return dropped.length === surplus;
}

/** What a copy there is worth: more where it will stay, and can be read at once. */
function worth(worker: Worker): number {
  if (worker.draining) return 0;
  return isOpen(worker) ? 2 : 1;
}

/** Workers to which something that reads the value is assigned. */
function readersOf(state: ControllerState, task: number): ReadonlySet<WorkerIndex> {
  const { tasks, attempts } = state;
  const read = new Set<WorkerIndex>();
  let left = tasks.pendingDependents[task];
  // The latest come first, so that those that have not ended are soon found.
  let edge = tasks.dependentsHead[task];
  for (; left > 0 && edge !== noEdge; edge = tasks.edges.next[edge]) {
    const reader = tasks.edges.owner[edge];
    if (isTerminalCode(tasks.state[reader])) continue;
    left--;
    const row = tasks.attempt[reader];
    if (row !== noSlot) read.add(attempts.worker[row]);
  }
  return read;
}
