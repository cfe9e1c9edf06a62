/**
 * Workers: how they register, how a hello is reconciled with what the controller believes, how
 * they are lost.
 *
 *     healthy ◀─▶ suspect (silent 3 s, or disconnected) ─▶ lost (silent 10 s, or proved dead)
 *        ▲                                                   │
 *        └────────────── hello (new incarnation) ◀───────────┘
 *
 * Running set and usage after a hello come from the inventory and nothing else.
 *
 * @module
 */

import { digestWith } from "../base/digest.ts";
import type { Micros } from "../base/time.ts";
import { CapstanError } from "../model/errors.ts";
import {
  type AttemptId,
  noAttempt,
  noWorker,
  type TaskRef,
  type WorkerIndex,
} from "../model/ids.ts";
import type { HotMessageOf, WorkerHello, WorkerMemory } from "../protocol/messages.ts";
import { isCall } from "./call-lines.ts";
import type { FactOf } from "./facts.ts";
import { orderUploads } from "./offers.ts";
import type { Outbox } from "./outbox.ts";
import { EndRecorder } from "./recorders.ts";
import { forgetUnlessHeld, holds, lossOf, onValueHeld, setYielded } from "./reports.ts";
import { orderRenewal } from "./restarts.ts";
import { retractUnfed } from "./retracts.ts";
import { sendAttempt } from "./send-attempt.ts";
import { pushReleaseCandidates } from "./settle.ts";
import { type ControllerState, isHealthy, shapeOf, specOf, type Worker } from "./state.ts";
import { attemptFlag } from "./tables/attempt-table.ts";
import { noSlot } from "./tables/task-table.ts";
import { loseCopies } from "./values.ts";
import { judgeLosses, type Loss } from "./verdicts.ts";

type Inventory = HotMessageOf<"inventory">;

/** What `inventory.phases` says of an attempt whose run has not begun. */
const phaseNotStarted = 0;
/** And of one that has yielded its slot. */
const phaseYielded = 3;

/** Whether a worker may register now. The shell asks before it takes the hello up. */
export function admitWorker(state: ControllerState, hello: WorkerHello): CapstanError | null {
  const index = state.workersById.get(hello.workerId);
  if (index === undefined) return null;
  const worker = state.workers[index];
  if (worker.incarnation === hello.incarnation || !isHealthy(worker)) return null;
  return new CapstanError(
    "WORKER_ID_IN_USE",
    `workerId ${hello.workerId} is used by a live worker at ${worker.address}, ` +
      `pid ${worker.pid}; ` +
      "stop that one, or start this one with another --id",
    { details: { workerId: hello.workerId, address: worker.address } },
  );
}

export function onWorkerConnected(
  state: ControllerState,
  out: Outbox,
  event: { readonly hello: WorkerHello; readonly inventory: Inventory; readonly at: Micros },
): void {
  const { hello, inventory, at } = event;
  const known = state.workersById.get(hello.workerId);
  const before = known === undefined ? undefined : state.workers[known];
  const sameProcess = before?.incarnation === hello.incarnation && !before.lost;
  if (!sameProcess) register(state, out, before, event);
  const worker = state.workersById.get(hello.workerId) ?? 0;
  out.record(state, { type: "worker-present", at, worker });
  orderRenewal(state, out, worker);
  reconcileAttempts(state, out, { worker, inventory, at });
  reconcileValues(state, out, { worker, inventory, at });
  touchHeld(state, out, state.workers[worker]);
  retractUnfed(state, out, rowsOn(state, worker));
  orderUploads(state, out, worker);
}

/**
 * A new incarnation. What its inventory proves to run, because it outlived the agent, goes on, and
 * nobody is charged; everything else of the old incarnation has ended.
 */
function register(
  state: ControllerState,
  out: Outbox,
  before: Worker | undefined,
  event: { readonly hello: WorkerHello; readonly inventory: Inventory; readonly at: Micros },
): void {
  const { hello, inventory, at } = event;
  if (before === undefined || before.lost) {
    out.record(state, { type: "worker-registered", at, hello });
    return;
  }
  const reported = new Set(inventory.attempts);
  const { attempts } = state;
  const survives = (row: number) =>
    reported.has(attempts.id[row]) && isCommandRow(state, row) && attempts.isGranted(row);
  const reason = "it was started again";
  if (!rowsOn(state, before.index).some(survives)) {
    loseWorker(state, out, { worker: before.index, reason, at });
    out.record(state, { type: "worker-registered", at, hello });
    return;
  }
  endAgent(state, out, { worker: before.index, reason, keeps: survives, at });
  out.record(state, { type: "worker-adopted", at, hello });
}

/** Whether what the attempt runs is a process of its own, which may outlive its agent. */
function isCommandRow(state: ControllerState, row: number): boolean {
  return specOf(state, state.attempts.task[row]).run.kind === "command";
}

/** An agent is gone, but not all that it ran: the rest of it has ended, and its values with it. */
function endAgent(
  state: ControllerState,
  out: Outbox,
  gone: {
    readonly worker: WorkerIndex;
    readonly reason: string;
    readonly keeps: (row: number) => boolean;
    readonly at: Micros;
  },
): void {
  const { worker: index, reason, keeps, at } = gone;
  const held = tasksHeldBy(state, index);
  if (state.workers[index].connected) {
    out.sends.push({ type: "disconnect-worker", worker: index, reason });
    out.record(state, { type: "worker-absent", worker: index });
  }
  const rows = rowsOn(state, index).filter((row) => !keeps(row));
  endAll(state, out, { rows, cause: "worker-lost", reason, at });
  loseCopies(state, out, { worker: index, tasks: held.filter((t) => holds(state, index, t)), at });
  announceGone(state, out, index);
}

interface Reconciliation {
  readonly worker: WorkerIndex;
  readonly inventory: Inventory;
  readonly at: Micros;
}

function reconcileAttempts(state: ControllerState, out: Outbox, event: Reconciliation): void {
  const { worker, inventory, at } = event;
  const reported = new Map<AttemptId, number>();
  for (let i = 0; i < inventory.attempts.length; i++) reported.set(inventory.attempts[i], i);
  const rows = rowsOn(state, worker);
  reinstateEarlier(state, out, event, { rows, reported });
  const absent: number[] = [];
  const granted: number[] = [];
  const stopping: number[] = [];
  const retracting: number[] = [];
  for (const row of rows) {
    const entry = reported.get(state.attempts.id[row]);
    if (entry === undefined) {
      absent.push(row);
      continue;
    }
    reported.delete(state.attempts.id[row]);
    if (state.attempts.hasFlag(row, attemptFlag.retracting)) retracting.push(row);
    const phase = inventory.phases[entry];
    setYielded(state, out, row, phase === phaseYielded);
    const notStarted = phase === phaseNotStarted;
    if (state.attempts.hasFlag(row, attemptFlag.stopping)) stopping.push(row);
    else if (notStarted && state.attempts.isGranted(row)) granted.push(row);
  }
  // A retract that was on its way when the connection broke is not answered any more.
  if (retracting.length > 0) {
    const attempts = Uint32Array.from(retracting);
    out.record(state, { type: "retracts-ordered", attempts, on: false });
  }
  const stops = stopping.map((row) => state.attempts.id[row]);
  nameAnswers(state.workers[worker], inventory, [...stops, ...reported.keys()]);
  orderAgain(state, out, { worker, type: "stop", rows: stopping });
  orderAgain(state, out, { worker, type: "grant", rows: granted });
  stopUnknown(state, out, event, reported);
  const earlier = new Set<TaskRef>();
  for (const entry of reported.values()) earlier.add(inventory.attemptTasks[entry]);
  const missing: number[] = [];
  for (const row of absent) {
    if (tookOver(state, row, earlier)) sendAttempt(state, out, row);
    else missing.push(row);
  }
  endAll(state, out, { rows: missing, cause: "never-had-it", reason: "", at });
}

/**
 * Where the order of an attempt was lost that had the grant of an earlier one of its task, and is
 * to stop, what stops there is the earlier one: it holds the grant until its worker says its end.
 */
function reinstateEarlier(
  state: ControllerState,
  out: Outbox,
  { inventory, at }: Reconciliation,
  known: {
    readonly rows: readonly number[];
    readonly reported: ReadonlyMap<AttemptId, number>;
  },
): void {
  const { attempts, tasks } = state;
  const lost = known.rows.filter(
    (row) =>
      attempts.hasFlag(row, attemptFlag.stopping) &&
      !known.reported.has(attempts.id[row]) &&
      mayHaveTakenOver(state, row),
  );
  if (lost.length === 0) return;
  const latest = new Map<TaskRef, AttemptId>();
  for (const [i, ref] of inventory.attemptTasks.entries())
    latest.set(ref, Math.max(latest.get(ref) ?? noAttempt, inventory.attempts[i]));
  for (const row of lost) {
    const id = latest.get(tasks.ref(attempts.task[row])) ?? noAttempt;
    if (id === noAttempt || id > attempts.id[row]) continue;
    out.record(state, { type: "attempt-reinstated", at, attempt: row, id });
  }
}

/** An object, or its turn, is never handed over. */
function mayHaveTakenOver(state: ControllerState, row: number): boolean {
  return state.attempts.isGranted(row) && shapeOf(state, state.attempts.task[row]).part === null;
}

/**
 * Whether an attempt whose order was lost has the grant of an earlier one of its task that is still
 * there: the grant is not free, so the order is given again.
 */
function tookOver(state: ControllerState, row: number, earlier: ReadonlySet<TaskRef>): boolean {
  const ref = state.tasks.ref(state.attempts.task[row]);
  return earlier.has(ref) && mayHaveTakenOver(state, row);
}

/** Ends what still stands on workers that are lost: there should be nothing. */
export function endAttemptsOfLostWorkers(state: ControllerState, out: Outbox, at: Micros): void {
  for (const worker of state.workers) {
    if (!worker.lost) continue;
    const rows = rowsOn(state, worker.index);
    if (rows.length > 0) endAll(state, out, { rows, cause: "worker-lost", reason: "repair", at });
  }
}

/** Rows of the attempts on a worker that have not ended, oldest row first. */
export function rowsOn(state: ControllerState, worker: WorkerIndex): number[] {
  const { attempts } = state;
  const rows: number[] = [];
  const { liveAttempts } = state.workers[worker];
  // Not by the generator: a drain, a loss and a return each go over all rows.
  for (let row = 0; row < attempts.length && rows.length < liveAttempts; row++) {
    if (attempts.worker[row] === worker && attempts.id[row] !== 0) rows.push(row);
  }
  return rows;
}

/** The same for every worker, in one pass: for lists of all of them. */
export function rowsByWorker(state: ControllerState): Map<WorkerIndex, number[]> {
  const { attempts } = state;
  const found = new Map<WorkerIndex, number[]>();
  for (const row of attempts.rows()) {
    const rows = found.get(attempts.worker[row]);
    if (rows === undefined) found.set(attempts.worker[row], [row]);
    else rows.push(row);
  }
  return found;
}

function orderAgain(
  state: ControllerState,
  out: Outbox,
  { worker, type, rows }: { worker: WorkerIndex; type: "stop" | "grant"; rows: readonly number[] },
): void {
  if (rows.length === 0) return;
  const { attempts, tasks } = state;
  out.toWorker(state, worker, {
    type,
    attempts: Float64Array.from(rows, (row) => attempts.id[row]),
    tasks: Float64Array.from(rows, (row) => tasks.ref(attempts.task[row])),
  });
}

/** Notes which of these attempts, that no task waits for, the inventory names with their value. */
function nameAnswers(
  { namedAnswers }: Worker,
  { attempts, attemptTasks, values }: Inventory,
  unawaited: readonly AttemptId[],
): void {
  if (unawaited.length === 0 || values.length === 0) return;
  const held = new Set(values);
  const tasks = new Map(Array.from(attempts, (attempt, entry) => [attempt, attemptTasks[entry]]));
  for (const attempt of unawaited) {
    const task = tasks.get(attempt);
    if (task !== undefined && held.has(task)) namedAnswers.add(attempt);
  }
}

/** What only the worker knows is stopped. */
function stopUnknown(
  state: ControllerState,
  out: Outbox,
  { worker, inventory }: Reconciliation,
  unknown: ReadonlyMap<AttemptId, number>,
): void {
  const entries = [...unknown.values()];
  if (entries.length === 0) return;
  const { strangers, foundlings } = state.workers[worker];
  for (const [attempt, entry] of unknown) {
    strangers.set(attempt, inventory.attemptTasks[entry]);
    foundlings.add(attempt);
  }
  out.toWorker(state, worker, {
    type: "stop",
    attempts: Float64Array.from(entries, (entry) => inventory.attempts[entry]),
    tasks: Float64Array.from(entries, (entry) => inventory.attemptTasks[entry]),
  });
}

/** Ends these attempts without their worker's word: it never had them, or it is lost. */
function endAll(
  state: ControllerState,
  out: Outbox,
  ending: {
    readonly rows: readonly number[];
    readonly cause: "never-had-it" | "worker-lost";
    readonly reason: string;
    readonly at: Micros;
  },
): void {
  const { rows, cause, reason, at } = ending;
  const losses: Loss[] = [];
  const released: number[] = [];
  const ends = new EndRecorder(at);
  for (const row of rows) {
    const task = state.attempts.task[row];
    if (state.tasks.attempt[task] === row) losses.push({ ...lossOf(state, row, cause), reason });
    else released.push(task);
    ends.push(state, row, { cause, successor: noSlot });
  }
  ends.close(state, out);
  judgeLosses(state, out, { losses, at });
  for (const task of released) pushReleaseCandidates(state, out, task);
}

function reconcileValues(state: ControllerState, out: Outbox, event: Reconciliation): void {
  const { worker, inventory, at } = event;
  const held = new Set(inventory.values);
  const lost: number[] = [];
  for (const task of tasksHeldBy(state, worker)) {
    if (!held.has(state.tasks.ref(task))) lost.push(task);
  }
  for (let i = 0; i < inventory.values.length; i++) {
    const ref = inventory.values[i];
    const task = state.tasks.find(ref);
    if (task >= 0 && answerFollows(state, worker, task)) continue;
    onValueHeld(state, out, { worker, ref, sizeBytes: inventory.valueSizes[i], inline: null, at });
  }
  if (lost.length > 0) loseCopies(state, out, { worker, tasks: lost, at });
}

/** Whether the worker has an attempt of the task: what it says of it comes right after. */
function answerFollows(state: ControllerState, worker: WorkerIndex, task: number): boolean {
  const row = state.tasks.attempt[task];
  return row !== noSlot && state.attempts.worker[row] === worker;
}

/** Rows of the tasks whose value a worker is believed to hold. */
export function tasksHeldBy(state: ControllerState, worker: WorkerIndex): number[] {
  const { tasks } = state;
  const { holder, length } = tasks;
  const { heldValues } = state.workers[worker];
  const copies: number[] = [];
  for (const [task, extras] of state.extraHolders) if (extras.includes(worker)) copies.push(task);
  const held: number[] = [];
  // A loop over a million rows: one that ends when all are found, and of a new worker at once.
  for (let task = 0; task < length && held.length + copies.length < heldValues; task++) {
    if (holder[task] === worker && tasks.isLive(task)) held.push(task);
  }
  return [...held, ...copies];
}

/** What a worker that is drained holds is looked at: others get what only it has. */
export function touchHeld(state: ControllerState, out: Outbox, worker: Worker): void {
  if (!worker.draining && worker.leavesBy === 0) return;
  const held = tasksHeldBy(state, worker.index);
  if (held.length > 0) out.record(state, { type: "copies-touched", tasks: Uint32Array.from(held) });
}

/** The worker's incarnation is gone: everything on it has ended. */
export function loseWorker(
  state: ControllerState,
  out: Outbox,
  { worker: index, reason, at }: { worker: WorkerIndex; reason: string; at: Micros },
): void {
  const worker = state.workers[index];
  const wasConnected = worker.connected;
  const rows = rowsOn(state, index);
  const held = tasksHeldBy(state, index);
  if (wasConnected) {
    out.sends.push({ type: "disconnect-worker", worker: index, reason });
    out.record(state, { type: "worker-absent", worker: index });
  }
  endAll(state, out, { rows, cause: "worker-lost", reason, at });
  out.record(state, { type: "worker-lost", at, worker: index, reason });
  loseCopies(state, out, { worker: index, tasks: held.filter((t) => holds(state, index, t)), at });
  announceGone(state, out, index);
  orderUploads(state, out, noWorker);
}

/** Nobody can fetch from that incarnation any more. */
function announceGone(state: ControllerState, out: Outbox, index: WorkerIndex): void {
  const { incarnation } = state.workers[index];
  for (const other of state.workers) {
    if (other.knownPeers.get(index) !== incarnation) continue;
    other.knownPeers.delete(index);
    out.toWorker(state, other.index, { type: "peer-gone", index, incarnation });
  }
}

/** Whoever started the worker saw it end. */
export function onWorkerExited(
  state: ControllerState,
  out: Outbox,
  event: {
    readonly workerId: string;
    readonly incarnation: string;
    readonly exitCode: number | null;
    readonly signal: string | null;
    readonly launcherLives: boolean;
    readonly at: Micros;
  },
): void {
  const index = state.workersById.get(event.workerId);
  if (index === undefined) return;
  const worker = state.workers[index];
  if (worker.lost || worker.incarnation !== event.incarnation) return;
  const how = event.signal === null ? `exit code ${event.exitCode}` : `signal ${event.signal}`;
  const reason = `its process ended (${how})`;
  const { at } = event;
  const keeps = (row: number) => isCommandRow(state, row) && state.attempts.isGranted(row);
  const survivors = event.launcherLives && rowsOn(state, index).some(keeps);
  // What its launcher still runs waits for the next agent, as long as a silence is borne.
  if (survivors) endAgent(state, out, { worker: index, reason, keeps, at });
  else loseWorker(state, out, { worker: index, reason, at });
}

function memoryOf(heartbeat: HotMessageOf<"heartbeat">): WorkerMemory {
  const { rssBytes, spilledBytes, spillCount, loadCount, spillFailureCount } = heartbeat;
  const { fetchCount, fetchedBytes } = heartbeat;
  const { processCount, processBytes, processRecycledCount } = heartbeat;
  const moves = { spillCount, loadCount, spillFailureCount, fetchCount, fetchedBytes };
  const processes = { processCount, processBytes, processRecycledCount };
  return { rssBytes, spilledBytes, ...moves, ...processes };
}

/** A heartbeat: the worker lives, and its digests must be ours. */
export function onHeartbeat(
  state: ControllerState,
  out: Outbox,
  event: { worker: WorkerIndex; heartbeat: HotMessageOf<"heartbeat">; at: Micros },
): void {
  const { worker: index, heartbeat, at } = event;
  const worker = state.workers[index];
  const heard: FactOf<"worker-heard"> = {
    type: "worker-heard",
    at,
    worker: index,
    memory: memoryOf(heartbeat),
  };
  out.record(state, heard);
  if (worker.suspect) {
    out.record(state, { type: "worker-suspected", worker: index, suspect: false });
    orderUploads(state, out, noWorker);
  }
  const believed = beliefAt(state, index, heartbeat.applied);
  const agree =
    believed.attempts === heartbeat.attemptsDigest && believed.values === heartbeat.valuesDigest;
  if (agree) return;
  // The full exchange is the truth: a new hello brings the inventory.
  out.sends.push({
    type: "disconnect-worker",
    worker: index,
    reason: "its digest differs from what the controller believes; reconciling",
  });
  out.record(state, { type: "worker-absent", worker: index });
}

/** Our digests as they were when the worker had applied `applied` of our messages. */
function beliefAt(state: ControllerState, index: WorkerIndex, applied: number) {
  const worker = state.workers[index];
  while (worker.unapplied.length > 0 && worker.unapplied[0].sequence <= applied) {
    worker.unapplied.shift();
  }
  let attempts = worker.attemptsDigest;
  for (const attempt of worker.strangers.keys()) attempts = digestWith(attempts, attempt);
  let values = worker.valuesDigest;
  for (const effect of worker.unapplied) {
    attempts = (attempts - effect.attempts) >>> 0;
    values = (values + effect.values) >>> 0;
  }
  return { attempts, values };
}

/** Values that a worker could not drop are tried again when something on it has ended. */
export function retryKeptValues(state: ControllerState, out: Outbox, index: WorkerIndex): void {
  const worker = state.workers[index];
  if (worker.keptValues.size === 0) return;
  for (const task of [...worker.keptValues]) {
    out.record(state, { type: "value-kept", worker: index, task, kept: false });
    const row = state.tasks.find(task);
    if (row >= 0 && holds(state, index, row)) continue;
    out.forget(index, task, true);
  }
}

/** Why a worker is lost that has left on purpose. */
export const leftReason = "it left";

/** The worker leaves on purpose: what it still has comes back uncharged. */
export function onWorkerLeaving(
  state: ControllerState,
  out: Outbox,
  { worker, at }: { worker: WorkerIndex; at: Micros },
): void {
  const rows = rowsOn(state, worker);
  for (const row of rows) {
    forgetUnlessHeld(state, out, worker, state.tasks.ref(state.attempts.task[row]));
  }
  // What it has not handed back of calls may have run.
  const isSure = (row: number) => !isCall(state, state.attempts.task[row]);
  endAll(state, out, { rows: rows.filter(isSure), cause: "never-had-it", reason: "", at });
  loseWorker(state, out, { worker, reason: leftReason, at });
}
