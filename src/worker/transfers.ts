/**
 * Fetching inputs from peers: which peer is asked for what, and what follows from its answer.
 *
 * A peer that is busy keeps its place as a source and is left alone for a while; one that fails
 * or does not have a value is dropped as a source. Transfers, values and bytes under way are
 * bounded; the bytes of a value are what the controller says.
 *
 * @module
 */

import type { TaskRef, WorkerIndex } from "../model/ids.ts";
import {
  handBackReason,
  needsSourcesReason,
  reportKind,
  trafficKind,
} from "../protocol/messages.ts";
import { mayStart } from "./answers.ts";
import { recordOf } from "./apply-tasks.ts";
import type { WorkerEvent } from "./events.ts";
import { finishWithValue } from "./executions.ts";
import {
  giveCopyUp,
  handBackDependents,
  offerSources,
  readyDependents,
  seekInput,
  usableSources,
} from "./inputs.ts";
import {
  fetchBytesMax,
  peerBackoffMsMax,
  peerBackoffMsMin,
  tasksPerTransferMax,
  transferBytesMax,
  transfersMax,
  transfersPerPeerMax,
} from "./limits.ts";
import { type Outbox, record } from "./outbox.ts";
import { plainReport, report } from "./reports.ts";
import type { Peer, TaskRecord, Transfer, WorkerState } from "./state.ts";
import { isTold } from "./traffic-columns.ts";

type EventOf<T extends WorkerEvent["type"]> = Extract<WorkerEvent, { type: T }>;

/** Whether another transfer from this peer may start now. */
export function peerIsOpen(state: WorkerState, peer: Peer, at: number): boolean {
  return (
    peer.busyUntil <= at &&
    peer.transfers < transfersPerPeerMax &&
    state.transfers.size < transfersMax &&
    hasBudget(state)
  );
}

/** However large the next value is, one may always come. */
function hasBudget({ transfers, residence }: WorkerState): boolean {
  const budget = Math.min(fetchBytesMax, residence.targetBytes);
  return transfers.size === 0 || residence.arrivingBytes < budget;
}

/** What one transfer brings: as many values as are allowed, by count and bytes; one at least. */
function firstTasks(state: WorkerState, queue: ReadonlySet<TaskRef>): readonly TaskRef[] {
  const tasks: TaskRef[] = [];
  let bytes = 0;
  for (const task of queue) {
    bytes += recordOf(state, task).toldBytes;
    if (tasks.length > 0 && bytes > transferBytesMax) break;
    tasks.push(task);
    if (tasks.length === tasksPerTransferMax) break;
  }
  return tasks;
}

/** T10: asks every open peer for what it may have. */
export function startFetches(state: WorkerState, out: Outbox): void {
  if (state.fetchable.size === 0 || !mayStart(state)) return;
  for (const peer of [...state.fetchable]) {
    while (peer.queue.size > 0 && peerIsOpen(state, peer, out.at)) {
      const transfer = state.nextTransfer;
      const tasks = firstTasks(state, peer.queue);
      const { index } = peer;
      record(state, out, { type: "transfer-started", at: out.at, transfer, peer: index, tasks });
      out.sends.push({ type: "start-fetch", transfer, peer: peer.index, tasks });
    }
  }
}

/** The record of a task that this transfer is to bring, or null. */
function broughtBy(state: WorkerState, task: TaskRef, transfer: Transfer): TaskRecord | null {
  const record = state.tasks.get(task);
  if (record === undefined || record.state.type !== "in-flight") return null;
  return record.state.transfer === transfer ? record : null;
}

/** T12, T13: the transfer did not bring it. A busy peer stays a source, another does not. */
function retryElsewhere(
  state: WorkerState,
  out: Outbox,
  {
    task,
    transfer,
    keep,
    reason = needsSourcesReason.absent,
  }: { task: TaskRef; transfer: Transfer; keep: boolean; reason?: number },
): void {
  const input = broughtBy(state, task, transfer);
  if (input === null || input.state.type !== "in-flight") return;
  const left = [...input.state.sources].filter((source) => keep || source !== transfer.peer);
  seekInput(state, out, task, left, reason);
}

/** T11, also for late bytes of a task that was ordered to run here meanwhile. */
function acceptFetched(
  state: WorkerState,
  out: Outbox,
  transfer: Transfer,
  { task, sizeBytes }: { readonly task: TaskRef; readonly sizeBytes: number },
): void {
  const input = state.tasks.get(task);
  if (input === undefined) return;
  switch (input.state.type) {
    case "in-flight":
      if (input.state.transfer === transfer)
        return keepFetched(state, out, transfer, task, sizeBytes);
      return;
    case "to-fetch":
    case "missing":
      return keepFetched(state, out, transfer, task, sizeBytes);
    case "waiting":
    case "ready":
    case "blocked":
      out.sends.push({ type: "store-fetched", transfer: transfer.id, task });
      return finishWithValue(state, out, input.state.run, sizeBytes);
    default:
      return; // It is not wanted, or made here already: the shell discards it with the transfer.
  }
}

function keepFetched(
  state: WorkerState,
  out: Outbox,
  transfer: Transfer,
  task: TaskRef,
  sizeBytes: number,
): void {
  record(state, out, { type: "value-stored", task, sizeBytes, copied: true });
  out.sends.push({ type: "store-fetched", transfer: transfer.id, task });
  report(state, { ...plainReport(reportKind.have, 0, task), sizeBytes });
  readyDependents(state, out, recordOf(state, task));
}

/** T15. */
function rejectFetched(state: WorkerState, out: Outbox, transfer: Transfer, task: TaskRef): void {
  const brought = broughtBy(state, task, transfer);
  if (brought === null) return;
  giveCopyUp(state, out, brought);
  record(state, out, { type: "task-failed", task, kind: "transfer" });
  out.closing.push(task);
}

export function onFetchFinished(
  state: WorkerState,
  out: Outbox,
  event: EventOf<"fetch-finished">,
): void {
  const transfer = state.transfers.get(event.transfer);
  if (transfer === undefined) return;
  record(state, out, { type: "transfer-ended", transfer: transfer.id });
  record(state, out, { type: "peer-answered", index: transfer.peer });
  tellFetch(state, out, transfer, event.got);
  for (const got of event.got) {
    if (transfer.tasks.includes(got.task)) acceptFetched(state, out, transfer, got);
  }
  for (const task of event.corrupt) rejectFetched(state, out, transfer, task);
  for (const task of [...transfer.wanted]) {
    retryElsewhere(state, out, { task, transfer, keep: false });
  }
}

function tellFetch(
  state: WorkerState,
  out: Outbox,
  { peer, startedAt }: Transfer,
  got: EventOf<"fetch-finished">["got"],
): void {
  if (got.length === 0) return;
  const sizeBytes = got.reduce((sum, one) => sum + one.sizeBytes, 0);
  const [{ task }] = got;
  const brought = { kind: trafficKind.fetch, task, count: got.length, sizeBytes, peer };
  const travel = { ...brought, startedAt, endedAt: out.at };
  if (isTold(travel)) record(state, out, { type: "value-travelled", travel });
}

/** Leaves a peer alone, twice as long each time until it gives something again. */
function backOff(state: WorkerState, out: Outbox, index: WorkerIndex): void {
  const peer = state.peers.get(index);
  if (peer === undefined) return;
  const doublings = Math.min(peer.refusals, 16);
  const delayMs = Math.min(peerBackoffMsMin * 2 ** doublings, peerBackoffMsMax);
  record(state, out, { type: "peer-refused", index, until: out.at + delayMs * 1_000 });
}

function endUnfinished(
  state: WorkerState,
  out: Outbox,
  transfer: Transfer,
  told: { readonly keep: boolean; readonly reason?: number },
): void {
  record(state, out, { type: "transfer-ended", transfer: transfer.id });
  for (const task of [...transfer.wanted]) {
    retryElsewhere(state, out, { task, transfer, ...told });
  }
}

export function onFetchBusy(state: WorkerState, out: Outbox, event: EventOf<"fetch-busy">): void {
  const transfer = state.transfers.get(event.transfer);
  if (transfer === undefined) return;
  backOff(state, out, transfer.peer);
  endUnfinished(state, out, transfer, { keep: true });
}

export function onFetchFailed(
  state: WorkerState,
  out: Outbox,
  event: EventOf<"fetch-failed">,
): void {
  const transfer = state.transfers.get(event.transfer);
  if (transfer === undefined) return;
  backOff(state, out, transfer.peer);
  endUnfinished(state, out, transfer, { keep: false, reason: needsSourcesReason.unreachable });
}

/** A peer's incarnation is gone: every transfer from it fails now, and it is no source any more. */
export function removePeer(state: WorkerState, out: Outbox, peer: Peer): void {
  for (const transfer of [...state.transfers.values()]) {
    if (transfer.peer !== peer.index) continue;
    out.sends.push({ type: "abort-fetch", transfer: transfer.id });
    endUnfinished(state, out, transfer, { keep: false });
  }
  for (const { task, state: input } of [...state.tasks.values()]) {
    if (input.type !== "to-fetch" && input.type !== "in-flight") continue;
    if (!input.sources.has(peer.index)) continue;
    const left = [...input.sources].filter((source) => source !== peer.index);
    if (input.type === "to-fetch") seekInput(state, out, task, left);
    else record(state, out, { type: "sources-changed", task, sources: left });
  }
  record(state, out, { type: "peer-left", index: peer.index });
}

/** Sources that were asked for, or that the controller knows there are none of. */
export function takeSources(
  state: WorkerState,
  out: Outbox,
  task: TaskRef,
  offered: readonly WorkerIndex[],
): void {
  const input = state.tasks.get(task);
  if (input === undefined) return;
  if (offered.length === 0) {
    if (input.state.type !== "missing") return;
    return handBackDependents(state, out, input, handBackReason.dependencyLost);
  }
  switch (input.state.type) {
    case "to-fetch":
    case "in-flight":
    case "missing":
      return takeUsable(state, out, input, offered);
    default:
      return; // It is not looked for.
  }
}

function takeUsable(
  state: WorkerState,
  out: Outbox,
  input: TaskRecord,
  offered: readonly WorkerIndex[],
): void {
  const usable = usableSources(state, offered);
  if (usable.length > 0) return offerSources(state, out, input, usable);
  if (input.state.type !== "missing") return;
  // Only sources that cannot be used. If this worker is one of them, the controller is mistaken.
  record(state, out, { type: "sources-missing", task: input.task, at: out.at });
  if (offered.includes(state.connection.index)) {
    report(state, plainReport(reportKind.lost, 0, input.task));
  }
}
