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
import { Heap } from "../base/heap.ts";
import type { WorkerIndex } from "../model/ids.ts";
import { taskStateCode } from "../model/states.ts";
import type { ApiAnswer } from "./access.ts";
import { movedValueBytesMin, movesMax, rebalanceSlack } from "./limits.ts";
import type { Outbox } from "./outbox.ts";
import { type ControllerState, isOpen } from "./state.ts";
import { noSlot } from "./tables/task-table.ts";
import { holdersOf } from "./values.ts";

/** RebalanceValues: chooses what is to move. Linear in all tasks. */
export function onRebalance(state: ControllerState, out: Outbox): ApiAnswer {
  const { tasks } = state;
  const { excess, targets, meanBytes } = loadsOf(state);
  const moving = new U32Column();
  const sources = new Set<WorkerIndex>();
  let valueBytes = 0;
  for (
    let task = 0;
    task < tasks.length && moving.length < movesMax && targets.length > 0;
    task++
  ) {
    const holder = tasks.isLive(task) ? tasks.holder[task] : noSlot;
    const excessBytes = excess.get(holder);
    const bytes = tasks.valueBytes[task];
    if (excessBytes === undefined || bytes < movedValueBytesMin || !mayMove(state, task)) continue;
    const targetBytes = targets.peekKey();
    // Then both together are nearer to the mean than before, so nothing goes to and fro.
    if (bytes >= excessBytes + meanBytes - targetBytes) continue;
    targets.push(targetBytes + bytes, targets.pop());
    excess.set(holder, excessBytes - bytes);
    moving.push(task);
    sources.add(holder);
    valueBytes += bytes;
  }
  const valueCount = moving.length;
  if (valueCount > 0) out.record(state, { type: "copies-moving", tasks: moving.take() });
  return { result: { valueCount, valueBytes, workerCount: sources.size } };
}

interface Loads {
  /** What each worker has more than the mean, where that is much. */
  readonly excess: Map<WorkerIndex, number>;
  /** The others, by what they have; never empty where somebody has more. */
  readonly targets: Heap;
  readonly meanBytes: number;
}

/** What each worker holds, as if all that is under way had come. */
function loadsOf(state: ControllerState): Loads {
  const loads = new Map<WorkerIndex, number>();
  for (const worker of state.workers) {
    if (isOpen(worker)) loads.set(worker.index, worker.heldValueBytes);
  }
  for (const { source, target, bytes } of movesOf(state)) {
    addTo(loads, source, -bytes);
    if (target === "undecided") addTo(loads, emptiestOf(loads), bytes);
    else if (target !== "gone") addTo(loads, target, bytes);
  }
  const meanBytes = [...loads.values()].reduce((sum, load) => sum + load, 0) / loads.size;
  const excess = new Map<WorkerIndex, number>();
  const targets = new Heap();
  for (const [index, load] of loads) {
    if (load > meanBytes * (1 + rebalanceSlack)) excess.set(index, load - meanBytes);
    else targets.push(load, index);
  }
  return { excess, targets, meanBytes };
}

function addTo(loads: Map<WorkerIndex, number>, worker: WorkerIndex, bytes: number): void {
  const load = loads.get(worker);
  if (load !== undefined) loads.set(worker, load + bytes);
}

function emptiestOf(loads: ReadonlyMap<WorkerIndex, number>): WorkerIndex {
  let emptiest = noSlot;
  for (const [index, load] of loads) {
    if (load < (loads.get(emptiest) ?? Number.POSITIVE_INFINITY)) emptiest = index;
  }
  return emptiest;
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
