/**
 * What workers say about attempts and values.
 *
 *     sent ─▶ running ─▶ ended(cause)
 *       └───────┴──▶ stopping ─▶ ended(cause)
 *
 * An attempt holds its grant until it has *ended*, whoever wanted it gone. Delivery is at least
 * once: a report about an attempt that is not known (any more) changes no task; one about an
 * attempt that its task has let go of closes the ledger entry and touches nothing else.
 *
 * @module
 */

import { type Blobs, blobAt, blobLength, blobsOf } from "../base/blobs.ts";
import { U32Column } from "../base/column.ts";
import type { Micros } from "../base/time.ts";
import { type AttemptId, noWorker, type TaskRef, type WorkerIndex } from "../model/ids.ts";
import {
  type AttemptCause,
  attemptCauseCode,
  attemptCauses,
  taskStateCode,
} from "../model/states.ts";
import {
  type AttemptFailed,
  type AttemptMeasured,
  type HotMessageOf,
  handBackReason,
  reportKind,
} from "../protocol/messages.ts";
import { smoothedMean } from "../scheduler/prefetch.ts";
import { isActor } from "./call-lines.ts";
import { onNotCopied } from "./copies.ts";
import { onInputFailed, onNeedsSources } from "./inputs.ts";
import { keepReturned } from "./job-results.ts";
import type { Outbox } from "./outbox.ts";
import { noteSetupFailure } from "./plugins.ts";
import { retractBehind } from "./prefetching.ts";
import { EndRecorder, StartRecorder, SuccessRecorder } from "./recorders.ts";
import { announceStarts, pushReleaseCandidates } from "./settle.ts";
import { type ControllerState, jobOf, touchWorker } from "./state.ts";
import { attemptFlag } from "./tables/attempt-table.ts";
import { noSlot, taskFlag } from "./tables/task-table.ts";
import { deliverInline, deliverValue, loseCopies } from "./values.ts";
import { judgeLosses, type Loss } from "./verdicts.ts";

type Reports = HotMessageOf<"reports">;

/** The row of a live attempt on this worker, or -1. */
export function findAttempt(
  state: ControllerState,
  { worker, attempt, task: ref }: { worker: WorkerIndex; attempt: AttemptId; task: TaskRef },
): number {
  const { tasks, attempts } = state;
  const task = tasks.find(ref);
  if (task >= 0) {
    const row = tasks.attempt[task];
    if (row !== noSlot && attempts.id[row] === attempt) {
      return attempts.worker[row] === worker ? row : -1;
    }
  }
  const stray = state.strays.size === 0 ? undefined : state.strays.get(attempt);
  return stray !== undefined && attempts.worker[stray] === worker ? stray : -1;
}

/** The row of the prefetched attempt that took over, or `noSlot` if the id fits none. */
function findSuccessor(state: ControllerState, row: number, successor: AttemptId): number {
  if (successor === 0) return noSlot;
  const { attempts } = state;
  const waiting = state.workers[attempts.worker[row]].shapes.get(attempts.shape[row])?.waiting;
  if (waiting === undefined) return noSlot;
  for (let i = 0; i < waiting.length; i++) {
    const candidate = waiting.at(i);
    if (attempts.id[candidate] === successor && !attempts.isGranted(candidate)) return candidate;
  }
  return noSlot;
}

/** One message of reports, sorted: first the ledger, then the tasks. */
class Sorted {
  /** Finished attempts whose task waits for the value: their entries, and the tasks. */
  readonly finishedEntries: U32Column;
  readonly finishedTasks: U32Column;
  readonly losses: Loss[] = [];
  /** Rows of attempts that run, as was not known before. */
  readonly started: number[] = [];
  /** Entries about attempts that are over for their task, or about values. */
  readonly others: number[] = [];
  /** Tasks of attempts that ended after their task had let go of them. */
  readonly abandoned = new U32Column();
  readonly durations = new Map<number, { totalUs: number; count: number }>();

  constructor(expected: number) {
    this.finishedEntries = new U32Column(expected);
    this.finishedTasks = new U32Column(expected);
  }

  sample(shape: number, durationUs: number): void {
    const sum = this.durations.get(shape);
    if (sum === undefined) this.durations.set(shape, { totalUs: durationUs, count: 1 });
    else {
      sum.totalUs += durationUs;
      sum.count++;
    }
  }
}

export function onReports(
  state: ControllerState,
  out: Outbox,
  { worker, reports, at }: { worker: WorkerIndex; reports: Reports; at: Micros },
): void {
  noteLeaving(state, out, worker, reports);
  const count = reports.kinds.length;
  const sorted = new Sorted(count);
  const starts = new StartRecorder(at);
  const ends = new EndRecorder(at, count);
  const sorting = { worker, reports, sorted, starts, ends };
  for (let entry = 0; entry < count; entry++) sortReport(state, sorting, entry);
  starts.close(state, out);
  ends.close(state, out);
  recordDurations(state, out, sorted);
  settleFinished(state, out, { worker, reports, sorted, at });
  announceStarts(state, out, sorted.started);
  judgeLosses(state, out, { losses: sorted.losses, at });
  for (const row of sorted.started) retractBehind(state, out, row);
  for (const task of sorted.abandoned.take()) pushReleaseCandidates(state, out, task);
  for (const entry of sorted.others) onOtherReport(state, out, { worker, reports, entry, at });
  for (const entry of sorted.others) forgetEnded(state, out, { worker, reports, entry, at });
}

/** A worker that gives back what it has because it ends must not get it again. */
function noteLeaving(
  state: ControllerState,
  out: Outbox,
  worker: WorkerIndex,
  { reasons }: Reports,
): void {
  if (!reasons.includes(handBackReason.shutdown)) return;
  if (state.workers[worker].trouble !== "") return;
  out.record(state, { type: "worker-health", worker, trouble: "it is leaving" });
}

const endKinds: readonly number[] = [
  reportKind.finished,
  reportKind.handedBack,
  reportKind.abandoned,
];

/** Whether the worker says that something on it has ended. */
export function tellsAnEnd(reports: Reports): boolean {
  return reports.kinds.some((kind) => endKinds.includes(kind));
}

interface Sorting {
  readonly worker: WorkerIndex;
  readonly reports: Reports;
  readonly sorted: Sorted;
  readonly starts: StartRecorder;
  readonly ends: EndRecorder;
}

function sortReport(state: ControllerState, sorting: Sorting, entry: number): void {
  const { worker, reports, sorted, starts } = sorting;
  const kind = reports.kinds[entry];
  if (kind >= reportKind.have) {
    sorted.others.push(entry);
    return;
  }
  const attempt = reports.attempts[entry];
  const row = findAttempt(state, { worker, attempt, task: reports.tasks[entry] });
  if (row < 0) {
    sorted.others.push(entry);
  } else if (kind === reportKind.started) {
    if (state.attempts.hasFlag(row, attemptFlag.started)) return;
    starts.push(state, row);
    sorted.started.push(row);
  } else sortEnd(state, row, sorting, entry);
}

function sortEnd(state: ControllerState, row: number, sorting: Sorting, entry: number): void {
  const { reports, sorted, ends } = sorting;
  const { attempts, tasks } = state;
  const task = attempts.task[row];
  const isCurrent = tasks.attempt[task] === row;
  const hasReturned = reports.kinds[entry] === reportKind.finished;
  // An object is not made by returning: it is gone.
  const finished = hasReturned && !isActor(state, task);
  const told = hasReturned && !finished ? "failed" : causeOf(reports, entry);
  // What was stopped ended for the reason for which it was stopped.
  const cause = told === "stopped" ? attemptCauses[attempts.stopReason[row]] : told;
  if (finished) sorted.sample(attempts.shape[row], reports.durations[entry]);
  if (isCurrent && !finished) {
    const handedBack = reports.kinds[entry] === reportKind.handedBack;
    sorted.losses.push({ ...lossOf(state, row, cause), handedBack });
  }
  const successor = findSuccessor(state, row, reports.successors[entry]);
  ends.push(state, row, { cause, successor, ranUs: reports.durations[entry] });
  if (!isCurrent) {
    sorted.abandoned.push(task);
    sorted.others.push(entry);
  } else if (finished) {
    sorted.finishedEntries.push(entry);
    sorted.finishedTasks.push(task);
  } else sorted.others.push(entry);
}

function causeOf(reports: Reports, entry: number): AttemptCause {
  if (reports.kinds[entry] === reportKind.finished) return "finished";
  if (reports.kinds[entry] === reportKind.abandoned) return "stopped";
  switch (reports.reasons[entry]) {
    case handBackReason.dependencyFailed:
      return "input-unloadable";
    case handBackReason.dependencyLost:
      return "dependency-lost";
    case handBackReason.refused:
      return "refused";
    case handBackReason.shutdown:
      return "drained";
    default:
      return "retracted";
  }
}

export function lossOf(state: ControllerState, row: number, cause: AttemptCause): Loss {
  const { attempts } = state;
  return {
    task: attempts.task[row],
    cause,
    workerId: state.workers[attempts.worker[row]].workerId,
    started: attempts.hasFlag(row, attemptFlag.started | attemptFlag.building),
    granted: attempts.isGranted(row),
    handedBack: false,
    failure: null,
    reason: "",
  };
}

function recordDurations(state: ControllerState, out: Outbox, sorted: Sorted): void {
  for (const [shape, { totalUs, count }] of sorted.durations) {
    const before = state.shapes[shape].meanUs;
    let meanUs = before;
    const batchMeanUs = Math.round(totalUs / count);
    for (let i = Math.min(count, 8); i > 0; i--) meanUs = smoothedMean(meanUs, batchMeanUs);
    if (meanUs !== before) out.record(state, { type: "durations-sampled", shape, meanUs });
  }
}

interface Finished {
  readonly worker: WorkerIndex;
  readonly reports: Reports;
  readonly sorted: Sorted;
  readonly at: Micros;
}

function settleFinished(state: ControllerState, out: Outbox, finished: Finished): void {
  const { worker, reports, sorted, at } = finished;
  const entries = sorted.finishedEntries.take();
  const finishedTasks = sorted.finishedTasks.take();
  if (entries.length === 0) return;
  const successes = new SuccessRecorder(at, entries.length);
  for (let i = 0; i < entries.length; i++) {
    successes.push(state, finishedTasks[i], worker, reports.sizes[entries[i]]);
  }
  successes.close(state, out);
  const { sizes, values } = reports;
  keepReturned(state, out, { tasks: finishedTasks, entries, sizes, values });
  const told = new U32Column(entries.length);
  for (let i = 0; i < entries.length; i++) {
    const task = finishedTasks[i];
    publishValue(state, out, task, { values: reports.values, index: entries[i] });
    if (state.tasks.hasFlag(task, taskFlag.awaited) && isAudiencePresent(state, task)) {
      told.push(task);
    }
    pushReleaseCandidates(state, out, task);
  }
  if (told.length === 0) return;
  out.record(state, { type: "outcomes-awaited", tasks: told.take(), awaited: false });
}

/** Whether the session that submitted the task is connected. */
export function isAudiencePresent(state: ControllerState, task: number): boolean {
  return state.clients[state.jobs[state.tasks.job[task]].client]?.connected === true;
}

/** Delivers a new value, and keeps a copy of a small one (not empty) that will be read again. */
function publishValue(
  state: ControllerState,
  out: Outbox,
  task: number,
  { values, index }: { readonly values: Blobs; readonly index: number },
): void {
  const { tasks } = state;
  const isInline = blobLength(values, index) > 0;
  if (isInline) deliverInline(state, out, task, { values, index });
  else deliverValue(state, out, task);
  if (!isInline || tasks.wants[task] + tasks.pendingDependents[task] === 0) return;
  const readAgain = tasks.pendingDependents[task] > 0 || tasks.wants[task] > 1;
  if (!readAgain && isAudiencePresent(state, task)) return;
  out.record(state, { type: "value-cached", task, bytes: blobAt(values, index).slice() });
}

interface OtherReport {
  readonly worker: WorkerIndex;
  readonly reports: Reports;
  readonly entry: number;
  readonly at: Micros;
}

/** What is said about values, and about attempts that no task waits for. */
function onOtherReport(state: ControllerState, out: Outbox, report: OtherReport): void {
  const { worker, reports, entry, at } = report;
  const ref = reports.tasks[entry];
  const kind = reports.kinds[entry];
  const bytes = blobAt(reports.values, entry);
  const attempt = reports.attempts[entry];
  if (endKinds.includes(kind)) {
    endStranger(state, worker, attempt);
    // What becomes of a value that the inventory named was settled with the inventory.
    const wasNamed = state.workers[worker].namedAnswers.delete(attempt);
    if (wasNamed && kind === reportKind.finished) return;
  }
  switch (kind) {
    case reportKind.finished:
    case reportKind.have:
      return onValueHeld(state, out, {
        worker,
        ref,
        sizeBytes: reports.sizes[entry],
        inline: bytes.length === 0 ? null : bytes,
        at,
      });
    case reportKind.lost: {
      noteNotKept(state, out, worker, ref);
      const task = state.tasks.find(ref);
      if (task >= 0 && holds(state, worker, task))
        loseCopies(state, out, { worker, tasks: [task], at });
      return;
    }
    case reportKind.kept: {
      // What is believed to be there, since it came meanwhile, is no value to be rid of.
      const task = state.tasks.find(ref);
      if (task >= 0 && holds(state, worker, task)) return;
      out.record(state, { type: "value-kept", worker, task: ref, kept: true });
      return;
    }
    case reportKind.needsSources:
      return onNeedsSources(state, out, { worker, ref, reason: reports.reasons[entry], at });
    case reportKind.handedBack:
      if (reports.reasons[entry] === handBackReason.dependencyFailed) {
        const input = reports.others[entry];
        const goneFrom = tellsLoss(reports, input) ? worker : noWorker;
        onInputFailed(state, out, { ref: input, goneFrom, at });
      }
      return;
    case reportKind.retractRefused:
      return onRetractRefused(state, out, report);
    case reportKind.building:
      return onBuilding(state, out, report);
    case reportKind.yielded:
    case reportKind.rejoined:
      return onYielded(state, out, report);
    case reportKind.notCopied:
      return onNotCopied(state, out, { worker, ref });
    default: // Abandoned: see below. Started, of an attempt that is not known any more.
  }
}

/**
 * What did not end well leaves nothing to keep; unless another attempt of the task left a value on
 * the same worker, of which the same message may tell later: so this comes last.
 */
function forgetEnded(state: ControllerState, out: Outbox, report: OtherReport): void {
  const { worker, reports, entry } = report;
  const kind = reports.kinds[entry];
  if (kind === reportKind.handedBack || kind === reportKind.abandoned)
    forgetUnlessHeld(state, out, worker, reports.tasks[entry]);
}

/** An attempt that only its worker knew of, if it was one, has ended. */
function endStranger(state: ControllerState, worker: WorkerIndex, attempt: AttemptId): void {
  const { strangers, foundlings } = state.workers[worker];
  if (!strangers.delete(attempt)) return;
  // Devices that it may have used can be given again.
  if (foundlings.delete(attempt) && foundlings.size === 0) touchWorker(state, worker);
}

/** Whether the same message tells, further on, that the worker's copy of a value is gone. */
function tellsLoss({ kinds, tasks }: Reports, task: TaskRef): boolean {
  return kinds.some((kind, entry) => kind === reportKind.lost && tasks[entry] === task);
}

export function holds(state: ControllerState, worker: WorkerIndex, task: number): boolean {
  if (state.tasks.holder[task] === worker) return true;
  return state.extraHolders.get(task)?.includes(worker) === true;
}

/** The row of the live attempt that a report is about, or -1. */
function attemptOf(state: ControllerState, { worker, reports, entry }: OtherReport): number {
  const attempt = reports.attempts[entry];
  return findAttempt(state, { worker, attempt, task: reports.tasks[entry] });
}

function onBuilding(state: ControllerState, out: Outbox, report: OtherReport): void {
  const row = attemptOf(state, report);
  if (row < 0 || state.attempts.hasFlag(row, attemptFlag.started)) return;
  out.record(state, { type: "attempts-building", attempts: Uint32Array.of(row) });
}

/** An attempt waits for tasks of its own, or goes on. */
function onYielded(state: ControllerState, out: Outbox, report: OtherReport): void {
  const row = attemptOf(state, report);
  if (row >= 0)
    setYielded(state, out, row, report.reports.kinds[report.entry] === reportKind.yielded);
}

/** What is not granted, or is so already, stays as it is. */
export function setYielded(state: ControllerState, out: Outbox, row: number, on: boolean): void {
  const { attempts } = state;
  if (!attempts.isGranted(row) || attempts.hasFlag(row, attemptFlag.yielded) === on) return;
  out.record(state, { type: "attempts-yielded", attempts: Uint32Array.of(row), on });
}

function onRetractRefused(state: ControllerState, out: Outbox, report: OtherReport): void {
  const row = attemptOf(state, report);
  if (row < 0) return;
  out.record(state, { type: "retracts-ordered", attempts: Uint32Array.of(row), on: false });
}

/** Lets the worker drop its record of a task that did not end well there. */
export function forgetUnlessHeld(
  state: ControllerState,
  out: Outbox,
  worker: WorkerIndex,
  ref: TaskRef,
): void {
  const task = state.tasks.find(ref);
  if (task >= 0) {
    if (holds(state, worker, task)) return;
    const row = state.tasks.attempt[task];
    if (row !== noSlot && state.attempts.worker[row] === worker) return;
    const stray = state.strayOfTask.get(task);
    if (stray !== undefined && state.attempts.worker[stray] === worker) return;
  }
  // Another attempt of it that only the worker knows of may have left a value: its answer tells.
  for (const task of state.workers[worker].strangers.values()) if (task === ref) return;
  out.forget(worker, ref, false);
}

/** A worker holds a value that did not come from the task's current attempt. */
export function onValueHeld(
  state: ControllerState,
  out: Outbox,
  held: {
    readonly worker: WorkerIndex;
    readonly ref: TaskRef;
    readonly sizeBytes: number;
    readonly inline: Uint8Array | null;
    readonly at: Micros;
  },
): void {
  const { worker, ref, at } = held;
  const { tasks } = state;
  noteNotKept(state, out, worker, ref);
  const task = tasks.find(ref);
  if (task < 0) {
    out.forget(worker, ref, true);
    return;
  }
  const code = tasks.state[task];
  // What a program did counts only for the attempt that its task waits for.
  if (jobOf(state, task).launch !== null || isActor(state, task)) out.forget(worker, ref, true);
  else if (code === taskStateCode.SUCCEEDED) acceptCopy(state, out, worker, task);
  else if (code < taskStateCode.SUCCEEDED) acceptValue(state, out, { ...held, task, at });
  else out.forget(worker, ref, true);
}

/** Whatever a worker could not drop when it was told to: it says anew what it has. */
function noteNotKept(state: ControllerState, out: Outbox, worker: WorkerIndex, ref: TaskRef): void {
  if (!state.workers[worker].keptValues.has(ref)) return;
  out.record(state, { type: "value-kept", worker, task: ref, kept: false });
}

function acceptCopy(state: ControllerState, out: Outbox, worker: WorkerIndex, task: number): void {
  if (holds(state, worker, task)) return;
  const ref = state.tasks.ref(task);
  // A value that was released is not wanted back.
  if (state.tasks.holder[task] === noSlot) return out.forget(worker, ref, true);
  out.record(state, { type: "copies-added", worker, tasks: Uint32Array.of(task) });
}

/** A value of the right task is a value, whatever attempt computed it. */
function acceptValue(
  state: ControllerState,
  out: Outbox,
  accepted: {
    readonly worker: WorkerIndex;
    readonly task: number;
    readonly sizeBytes: number;
    readonly inline: Uint8Array | null;
    readonly at: Micros;
  },
): void {
  const { worker, task, sizeBytes, at } = accepted;
  stopCurrentAttempt(state, out, task);
  const successes = new SuccessRecorder(at);
  successes.push(state, task, worker, sizeBytes);
  successes.close(state, out);
  const values = blobsOf([accepted.inline ?? new Uint8Array(0)]);
  publishValue(state, out, task, { values, index: 0 });
  if (isAudiencePresent(state, task)) {
    out.record(state, { type: "outcomes-awaited", tasks: Uint32Array.of(task), awaited: false });
  }
  pushReleaseCandidates(state, out, task);
}

/** Orders the current attempt of a task, if any, to stop; it is charged until it has ended. */
export function stopCurrentAttempt(
  state: ControllerState,
  out: Outbox,
  task: number,
  why: StopReason = "stopped",
): void {
  const row = state.tasks.attempt[task];
  if (row === noSlot) return;
  const reason = attemptCauseCode(why);
  out.record(state, { type: "attempts-stopping", attempts: Uint32Array.of(row), reason });
  out.toWorker(state, state.attempts.worker[row], {
    type: "stop",
    attempts: Float64Array.of(state.attempts.id[row]),
    tasks: Float64Array.of(state.tasks.ref(task)),
  });
}

/** Why a stop is ordered; `stopped` is a cancel, or that nobody waits for it any more. */
export type StopReason = Extract<
  AttemptCause,
  "stopped" | "preempted" | "cosched-failed" | "start-timeout" | "drained" | "gang-returned"
>;

/** An attempt failed by itself: charged to its task's retries, unless the task had let go. */
export function onAttemptFailed(
  state: ControllerState,
  out: Outbox,
  { worker, message, at }: { worker: WorkerIndex; message: AttemptFailed; at: Micros },
): void {
  const row = findAttempt(state, { worker, attempt: message.attempt, task: message.task });
  if (row < 0) {
    endStranger(state, worker, message.attempt);
    return forgetUnlessHeld(state, out, worker, message.task);
  }
  const task = state.attempts.task[row];
  const isCurrent = state.tasks.attempt[task] === row;
  const loss = { ...lossOf(state, row, message.cause), failure: message.failure };
  keepFailure(state, out, row, message.failure);
  noteSetupFailure(state, out, { worker, task, message });
  const ends = new EndRecorder(at);
  const successor = findSuccessor(state, row, message.successor);
  ends.push(state, row, { cause: message.cause, successor });
  ends.close(state, out);
  if (isCurrent) judgeLosses(state, out, { losses: [loss], at });
  else pushReleaseCandidates(state, out, task);
  forgetUnlessHeld(state, out, worker, message.task);
}

/** A launched job keeps how its attempts ended, also where no process could be measured. */
function keepFailure(
  state: ControllerState,
  out: Outbox,
  row: number,
  { exitCode, signal, oom, stderrTail }: AttemptFailed["failure"],
): void {
  if (jobOf(state, state.attempts.task[row]).launch === null || state.usages.has(row)) return;
  const unknown = { peakRssBytes: 0, cpuMs: 0, droppedLogBytes: 0 };
  const usage = { exitCode, signal, oom, stderrTail, ...unknown };
  out.record(state, { type: "attempt-measured", attempt: row, usage });
}

/** What a command used, told before its end; also of one that was ordered to stop. */
export function onAttemptMeasured(
  state: ControllerState,
  out: Outbox,
  { worker, message }: { worker: WorkerIndex; message: AttemptMeasured },
): void {
  const row = findAttempt(state, { worker, attempt: message.attempt, task: message.task });
  if (row < 0 || jobOf(state, state.attempts.task[row]).launch === null) return;
  out.record(state, { type: "attempt-measured", attempt: row, usage: message.usage });
}
