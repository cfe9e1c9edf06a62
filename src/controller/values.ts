/**
 * Values: who is told of them, who holds them, when they are computed again, when they go.
 *
 * A value goes when no handle names its task and no task that has not ended needs it; the record
 * and its recipe go when, besides, no remembered task depends on it. A lost value is computed again
 * only while somebody needs it.
 *
 * @module
 */

import { assert } from "../base/assert.ts";
import type { Blobs } from "../base/blobs.ts";
import { U32Column } from "../base/column.ts";
import { newRowSet } from "../base/row-set.ts";
import type { Micros } from "../base/time.ts";
import { isTerminalCode, taskStateCode } from "../model/states.ts";
import { withdrawAll } from "./copy-orders.ts";
import { introduceHolder } from "./introduce-holder.ts";
import { isComputed, lostForGood, neverBrought } from "./offers.ts";
import type { Outbox } from "./outbox.ts";
import { retractDependents } from "./retracts.ts";
import { failDoomed, failTasks, forEachAudience } from "./settle.ts";
import { type ControllerState, jobOf, openClient } from "./state.ts";
import { noSlot, taskFlag } from "./tables/task-table.ts";

/** Sends a task's value, or where it is, to the connected clients that want it. */
export function deliverValue(state: ControllerState, out: Outbox, task: number): void {
  forEachAudience(state, task, (client, number) => {
    deliverTo(state, out, { client, number, task });
  });
}

/** The same to one connected client, which names the task by `number`. */
export function deliverTo(
  state: ControllerState,
  out: Outbox,
  to: { readonly client: number; readonly number: number; readonly task: number },
): void {
  const inline = state.inline.bytes.get(to.task);
  if (inline === undefined) locateValue(state, out, to);
  else out.result(to.client, to.number, inline);
}

/** The same for a small value that lies in a message. */
export function deliverInline(
  state: ControllerState,
  out: Outbox,
  task: number,
  { values, index }: { readonly values: Blobs; readonly index: number },
): void {
  forEachAudience(state, task, (client, number) => {
    out.resultFrom(client, number, values, index);
  });
}

function locateValue(
  state: ControllerState,
  out: Outbox,
  { client: index, number, task }: { client: number; number: number; task: number },
): void {
  const holder = state.tasks.holder[task];
  assert(holder !== noSlot, "only a value that is there is located");
  introduceHolder(state, out, index, holder);
  out.toClient(state, index, {
    type: "located",
    tasks: Uint32Array.of(number),
    refs: Float64Array.of(state.tasks.ref(task)),
    sizes: Float64Array.of(state.tasks.valueBytes[task]),
    holders: Uint32Array.of(holder),
  });
}

/** Every worker believed to hold the task's value, the certain one first. */
export function holdersOf(state: ControllerState, task: number): number[] {
  const holder = state.tasks.holder[task];
  if (holder === noSlot) return [];
  return [holder, ...(state.extraHolders.get(task) ?? [])];
}

/** Drops what nobody needs any more, as far as that reaches. Iterative. */
export function settleReleases(state: ControllerState, out: Outbox): void {
  const candidates = out.releaseCandidates;
  while (candidates.length > 0) {
    const batch = candidates.take();
    const forgotten = new U32Column(batch.length);
    const released = new U32Column(batch.length);
    for (const task of batch) sortCandidate(state, task, { forgotten, released });
    releaseValues(state, out, released.take());
    forgetTasks(state, out, forgotten.take());
  }
}

function sortCandidate(
  state: ControllerState,
  task: number,
  { forgotten, released }: { forgotten: U32Column; released: U32Column },
): void {
  const { tasks } = state;
  if (!tasks.isLive(task) || !isTerminalCode(tasks.state[task])) return;
  if (tasks.wants[task] > 0 || tasks.pendingDependents[task] > 0) return;
  if (state.strayOfTask.size > 0 && state.strayOfTask.has(task)) return;
  if (tasks.dependentCount[task] === 0 && jobOf(state, task).launch === null) forgotten.push(task);
  else if (tasks.holder[task] !== noSlot) released.push(task);
}

/** The values of these are dropped wherever they are; who needs one would have to make it anew. */
export function releaseValues(state: ControllerState, out: Outbox, batch: Uint32Array): void {
  const tasks = unique(batch, state.tasks.length);
  if (tasks.length === 0) return;
  for (const task of tasks) forgetAtHolders(state, out, task);
  removeCopies(state, out, tasks);
  out.record(state, { type: "values-gone", tasks });
}

function removeCopies(state: ControllerState, out: Outbox, batch: Uint32Array): void {
  if (state.extraHolders.size === 0) return;
  for (const task of batch) {
    for (const worker of state.extraHolders.get(task) ?? []) {
      out.record(state, { type: "copies-removed", worker, tasks: Uint32Array.of(task) });
    }
  }
}

function forgetTasks(state: ControllerState, out: Outbox, batch: Uint32Array): void {
  const tasks = unique(batch, state.tasks.length);
  if (tasks.length === 0) return;
  for (const task of tasks) {
    forgetAtHolders(state, out, task);
    const start = state.tasks.dependenciesStart[task];
    for (let edge = start; edge < start + state.tasks.dependencyCount[task]; edge++) {
      out.releaseCandidates.push(state.tasks.edges.target[edge]);
    }
  }
  out.record(state, { type: "tasks-forgotten", at: state.at, tasks });
}

function forgetAtHolders(state: ControllerState, out: Outbox, task: number): void {
  withdrawAll(state, out, task);
  const ref = state.tasks.ref(task);
  const holder = state.tasks.holder[task];
  if (holder !== noSlot) out.forget(holder, ref, true);
  if (state.extraHolders.size === 0) return;
  for (const extra of state.extraHolders.get(task) ?? []) out.forget(extra, ref, true);
}

/** A candidate may have been named twice; a fact names it once. */
function unique(batch: Uint32Array, bound: number): Uint32Array {
  if (isMonotonic(batch)) return batch;
  const seen = newRowSet(batch.length, bound);
  return batch.filter((task) => {
    if (seen.has(task)) return false;
    seen.add(task);
    return true;
  });
}

/** Whether each entry is above the one before, or each below it: then none is there twice. */
function isMonotonic(batch: Uint32Array): boolean {
  const rises = batch.length < 2 || batch[0] < batch[1];
  for (let i = 1; i < batch.length; i++) {
    if (batch[i - 1] === batch[i] || batch[i - 1] < batch[i] !== rises) return false;
  }
  return true;
}

/** `worker` does not have these values (any more). Another holder takes over, or they are gone. */
export function loseCopies(
  state: ControllerState,
  out: Outbox,
  { worker, tasks: lost, at }: { worker: number; tasks: readonly number[]; at: Micros },
): void {
  const moved = new U32Column();
  const movedTo = new U32Column();
  const gone = new U32Column();
  const extra = new U32Column();
  for (const task of lost) {
    if (state.tasks.holder[task] !== worker) extra.push(task);
    else {
      const others = state.extraHolders.get(task) ?? [];
      if (others.length === 0) gone.push(task);
      else {
        moved.push(task);
        movedTo.push(others[0]);
      }
    }
  }
  if (extra.length > 0) {
    out.record(state, { type: "copies-removed", worker, tasks: extra.take() });
  }
  if (moved.length > 0) {
    out.record(state, { type: "values-moved", tasks: moved.take(), holders: movedTo.take() });
  }
  if (gone.length === 0) return;
  const goneTasks = gone.take();
  out.record(state, { type: "values-gone", tasks: goneTasks });
  recomputeNeeded(state, out, { tasks: goneTasks, at });
}

/** Whether somebody waits for the value of a task that has none. */
function isNeeded(state: ControllerState, task: number): boolean {
  const { tasks } = state;
  return tasks.pendingDependents[task] > 0 || tasks.hasFlag(task, taskFlag.awaited);
}

function isGone(state: ControllerState, task: number): boolean {
  const { tasks } = state;
  return tasks.state[task] === taskStateCode.SUCCEEDED && tasks.hasFlag(task, taskFlag.valueGone);
}

/** Queues again those of `tasks` whose value is gone and needed, with whatever that needs. */
export function recomputeNeeded(
  state: ControllerState,
  out: Outbox,
  { tasks: candidates, at }: { tasks: Iterable<number>; at: Micros },
): void {
  const revived = new Set<number>();
  for (const task of candidates) {
    if (isGone(state, task) && isNeeded(state, task)) revived.add(task);
  }
  reviveAll(state, out, { tasks: revived, cause: "recompute", at });
}

/**
 * Queues ended tasks again, and every input of theirs whose value is gone. Iterative. What has no
 * recipe fails instead, and with it what needs it.
 */
export function reviveAll(
  state: ControllerState,
  out: Outbox,
  revival: {
    readonly tasks: Set<number>;
    readonly cause: "retry" | "recompute";
    readonly at: Micros;
    /** Who asked for it through the API. */
    readonly by?: string | undefined;
  },
): void {
  const { tasks: wanted, cause, at, by } = revival;
  if (wanted.size === 0) return;
  const lost = new Set<number>();
  const work = [...wanted];
  for (let next = work.pop(); next !== undefined; next = work.pop()) {
    for (let position = 0; position < state.tasks.dependencyCount[next]; position++) {
      const input = state.tasks.dependency(next, position);
      if (!isGone(state, input) || wanted.has(input) || lost.has(input)) continue;
      lost.add(input);
      work.push(input);
    }
  }
  const record = (tasks: readonly number[], why: "retry" | "recompute", who = by) => {
    if (tasks.length === 0) return;
    out.record(state, {
      ...{ type: "tasks-revived", at, tasks: Uint32Array.from(tasks), cause: why },
      ...(who === undefined ? {} : { by: who }),
    });
  };
  const isMade = (task: number) => isComputed(state, task);
  record([...lost].filter(isMade), "recompute", undefined);
  record([...wanted].filter(isMade), cause);
  for (const task of lost) retractDependents(state, out, task);
  for (const task of wanted) retractDependents(state, out, task);
  const gone = [...lost, ...wanted].filter((task) => !isMade(task) && isGone(state, task));
  failTasks(state, out, { roots: gone.map((task) => lostForGood(state, task)), at });
  failDoomed(state, out, { tasks: [...lost, ...wanted], at });
}

/** The handles of a client on these task numbers are gone. */
export function dropWants(
  state: ControllerState,
  out: Outbox,
  { client: index, numbers }: { client: number; numbers: Uint32Array },
): void {
  const client = openClient(state, index);
  const rows = new U32Column(numbers.length);
  for (const number of numbers) {
    const task = client.handles.get(number);
    if (task >= 0) rows.push(task);
  }
  if (rows.length === 0) return;
  out.record(state, { type: "wants-dropped", client: index, numbers });
  const dropped = rows.take();
  for (const task of dropped) out.releaseCandidates.push(task);
  failTasks(state, out, { roots: neverBrought(state, dropped), at: state.at });
}
