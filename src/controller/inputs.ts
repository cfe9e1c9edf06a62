/**
 * Inputs that a worker could not get: who is to blame, and for how long it is worth trying.
 *
 * An input that cannot be loaded is fetched from another holder, then computed again, and in the
 * end failed with itself as the root. It never loops.
 *
 * @module
 */

import type { Micros } from "../base/time.ts";
import { noWorker, type TaskRef, type WorkerIndex } from "../model/ids.ts";
import { taskStateCode } from "../model/states.ts";
import { needsSourcesReason } from "../protocol/messages.ts";
import { inputFailuresMax, unreachableMaxUs } from "./limits.ts";
import type { Outbox } from "./outbox.ts";
import { retractDependents } from "./retracts.ts";
import { failTasks, plainFailure } from "./settle.ts";
import { type ControllerState, isHealthy } from "./state.ts";
import { noSlot } from "./tables/task-table.ts";
import { holdersOf, loseCopies } from "./values.ts";

/** A worker has no source left for an input: name others, or compute the value again. */
export function onNeedsSources(
  state: ControllerState,
  out: Outbox,
  { worker, ref, reason, at }: { worker: WorkerIndex; ref: TaskRef; reason: number; at: Micros },
): void {
  const task = state.tasks.find(ref);
  if (task < 0) return; // Nobody needs it any more; the worker is told to forget it.
  // About the value before the one that is made now: who reads that is taken back.
  if (state.tasks.holder[task] === noSlot) return retractDependents(state, out, task);
  const others = holdersOf(state, task).filter((one) => one !== worker);
  const sources = others.filter((one) => isHealthy(state.workers[one]));
  // The same question may come twice, late: only what was tried in vain speaks against a holder.
  if (reason === needsSourcesReason.again && sources.length > 0)
    return sendSources(state, out, { worker, ref, sources });
  const isUnreachable = reason === needsSourcesReason.unreachable && sources.length > 0;
  if (isUnreachable && mayAskAgain(state, task, at)) {
    // The network may come back: the worker asks a peer that failed it less and less often.
    out.record(state, { type: "input-unreachable", at, task });
    return sendSources(state, out, { worker, ref, sources });
  }
  out.record(state, { type: "input-failed", task });
  if (isUnloadable(state, task)) {
    const reader = isUnreachable ? state.workers[worker].workerId : "";
    failUnloadable(state, out, { task, goneFrom: noWorker, reader, at });
    return retractDependents(state, out, task); // They fail as soon as they are back.
  }
  const tries = state.inputFailures.get(task) ?? 0;
  if (sources.length > 0 && tries % 2 === 1)
    return sendSources(state, out, { worker, ref, sources });
  // Whoever is said to hold it could not be read: it does not count as a holder any more.
  for (const holder of holdersOf(state, task)) {
    out.forget(holder, ref, true);
    loseCopies(state, out, { worker: holder, tasks: [task], at });
  }
  retractDependents(state, out, task);
}

function sendSources(
  state: ControllerState,
  out: Outbox,
  order: { worker: WorkerIndex; ref: TaskRef; sources: readonly WorkerIndex[] },
): void {
  for (const source of order.sources) introducePeer(state, out, order.worker, source);
  out.toWorker(state, order.worker, {
    type: "sources",
    tasks: Float64Array.of(order.ref),
    counts: Uint32Array.of(order.sources.length),
    sources: Uint32Array.from(order.sources),
  });
}

/** Tells `worker` the address of `peer`, once per connection and incarnation. */
export function introducePeer(
  state: ControllerState,
  out: Outbox,
  worker: WorkerIndex,
  peer: WorkerIndex,
): void {
  if (worker === peer) return;
  const known = state.workers[worker].knownPeers;
  const { workerId, incarnation, address } = state.workers[peer];
  if (known.get(peer) === incarnation) return;
  known.set(peer, incarnation);
  out.toWorker(state, worker, { type: "peer", index: peer, workerId, incarnation, address });
}

/** A worker could not decode an input that it had; `goneFrom` has dropped its copy. */
export function onInputFailed(
  state: ControllerState,
  out: Outbox,
  { ref, goneFrom, at }: { ref: TaskRef; goneFrom: WorkerIndex; at: Micros },
): void {
  const task = state.tasks.find(ref);
  if (task < 0) return;
  out.record(state, { type: "input-failed", task });
  if (isUnloadable(state, task)) failUnloadable(state, out, { task, goneFrom, reader: "", at });
}

/** Whether a value that cannot be reached has not been asked for in vain for long. */
function mayAskAgain(state: ControllerState, task: number, at: Micros): boolean {
  const known = state.unreachable.get(task);
  if (known === undefined || at - known.last > unreachableMaxUs) return true;
  return at - known.since < unreachableMaxUs;
}

function isUnloadable(state: ControllerState, task: number): boolean {
  if (state.tasks.state[task] !== taskStateCode.SUCCEEDED) return false;
  return (state.inputFailures.get(task) ?? 0) >= inputFailuresMax;
}

interface UnloadableInput {
  readonly task: number;
  readonly goneFrom: WorkerIndex;
  readonly reader: string;
  readonly at: Micros;
}

/**
 * `goneFrom` is the worker whose copy is gone already, or none; `reader` is the one that cannot
 * reach who holds it, or "" if that is not why.
 */
function failUnloadable(
  state: ControllerState,
  out: Outbox,
  { task, goneFrom, reader, at }: UnloadableInput,
): void {
  const holders = holdersOf(state, task);
  const names = holders.map((holder) => state.workers[holder].workerId);
  const held = names.join(", ") || "no worker";
  const why = reader === "" ? "" : `, and ${reader} cannot reach it`;
  const failure = plainFailure(state, task, {
    code: "INPUT_UNLOADABLE",
    message: `its value could not be loaded ${inputFailuresMax} times; held by ${held}${why}`,
    workerId: names[0] ?? "",
  });
  for (const holder of holders) out.forget(holder, state.tasks.ref(task), holder !== goneFrom);
  for (const extra of holders.slice(1)) {
    out.record(state, { type: "copies-removed", worker: extra, tasks: Uint32Array.of(task) });
  }
  out.record(state, { type: "values-gone", tasks: Uint32Array.of(task) });
  failTasks(state, out, { roots: [{ task, state: taskStateCode.FAILED, failure }], at });
}
