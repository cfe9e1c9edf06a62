/**
 * Rebalance: values move from workers that hold much to those that hold little, once, when asked.
 *
 * A value that is to move should have one copy more, for now: `copies.ts` has it made by whoever
 * holds the least, and then `surplus.ts` drops the copy of whoever holds the most. So nothing of
 * moving is a rule of its own, a value is never without a holder, and what nobody can take stays
 * where it is. All of it is volatile: after a restart of the controller somebody asks again.
 *
 * Only what is worth it moves: large enough, held once and wanted once, and read by nobody now.
 *
 * @module
 */

import { U32Column } from "../base/column.ts";
import type { WorkerIndex } from "../model/ids.ts";
import { taskStateCode } from "../model/states.ts";
import type { ApiAnswer } from "./access.ts";
import { movedValueBytesMin, movesMax, rebalanceSlack } from "./limits.ts";
import type { Outbox } from "./outbox.ts";
import { type ControllerState, isOpen } from "./state.ts";
import { holdersOf } from "./values.ts";

/** RebalanceValues: chooses what is to move. Linear in all tasks. */
export function onRebalance(state: ControllerState, out: Outbox): ApiAnswer {
  const { tasks } = state;
  const { excess, roomBytes } = loadsOf(state);
  const moving = new U32Column();
  const sources = new Set<WorkerIndex>();
  let leftBytes = roomBytes;
  let valueBytes = 0;
  for (let task = 0; task < tasks.length && moving.length < movesMax && excess.size > 0; task++) {
    const holder = tasks.isLive(task) ? tasks.holder[task] : -1;
    const givesBytes = excess.get(holder);
    const bytes = tasks.valueBytes[task];
    if (givesBytes === undefined || bytes > givesBytes || bytes > leftBytes) continue;
    if (bytes < movedValueBytesMin || !mayMove(state, task)) continue;
    moving.push(task);
    sources.add(holder);
    valueBytes += bytes;
    leftBytes -= bytes;
    excess.set(holder, givesBytes - bytes);
  }
  const valueCount = moving.length;
  if (valueCount > 0) out.record(state, { type: "copies-moving", tasks: moving.take() });
  return { result: { valueCount, valueBytes, workerCount: sources.size } };
}

/** What each worker has more than its share, where that is much; and what the others lack. */
function loadsOf(state: ControllerState): {
  readonly excess: Map<WorkerIndex, number>;
  readonly roomBytes: number;
} {
  const loads = new Map<WorkerIndex, number>();
  for (const worker of state.workers) {
    if (isOpen(worker)) loads.set(worker.index, worker.heldValueBytes);
  }
  const add = (worker: WorkerIndex, bytes: number) => {
    const load = loads.get(worker);
    if (load !== undefined) loads.set(worker, load + bytes);
  };
  let underWayBytes = 0;
  for (const { source, target, bytes } of movesOf(state)) {
    add(source, -bytes);
    if (target === "undecided") underWayBytes += bytes;
    else if (target !== "gone") add(target, bytes);
  }
  const heldBytes = [...loads.values()].reduce((sum, load) => sum + load, 0);
  const meanBytes = (heldBytes + underWayBytes) / loads.size;
  const excess = new Map<WorkerIndex, number>();
  let roomBytes = -underWayBytes;
  for (const [index, load] of loads) {
    if (load > meanBytes * (1 + rebalanceSlack)) excess.set(index, load - meanBytes);
    else roomBytes += Math.max(0, meanBytes - load);
  }
  return { excess, roomBytes };
}

interface Move {
  readonly source: WorkerIndex;
  /** Gone where the copy is only dropped: its target holds it already. */
  readonly target: WorkerIndex | "undecided" | "gone";
  readonly bytes: number;
}

/** What moves already, and copies that are too many: one of each goes where most is held. */
function* movesOf(state: ControllerState): Generator<Move> {
  const { copies, extraHolders, tasks } = state;
  for (const task of copies.moving) {
    const target = copies.needs.get(task)?.ordered[0] ?? "undecided";
    yield { source: fullestOf(state, task), target, bytes: tasks.valueBytes[task] };
  }
  for (const task of copies.listed) {
    if (!extraHolders.has(task) || copies.moving.has(task)) continue;
    yield { source: fullestOf(state, task), target: "gone", bytes: tasks.valueBytes[task] };
  }
}

function fullestOf(state: ControllerState, task: number): WorkerIndex {
  const { workers } = state;
  return holdersOf(state, task).reduce((most, one) =>
    workers[one].heldValueBytes > workers[most].heldValueBytes ? one : most,
  );
}

function mayMove({ tasks, copies, shared, extraHolders }: ControllerState, task: number): boolean {
  if (tasks.state[task] !== taskStateCode.SUCCEEDED || tasks.pendingDependents[task] > 0)
    return false;
  return !copies.needs.has(task) && !shared.copies.has(task) && !extraHolders.has(task);
}
