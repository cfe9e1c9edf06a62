/**
 * What the controller orders about runs and values.
 *
 * An order may be late, repeated, or about something unknown: it is answered, never thrown at.
 *
 * @module
 */

import { present } from "../base/assert.ts";
import { blobAt } from "../base/blobs.ts";
import type { AttemptId, TaskRef } from "../model/ids.ts";
import {
  type HotMessageOf,
  handBackReason,
  inlineSource,
  reportKind,
} from "../protocol/messages.ts";
import { answerAbandoned, answerAtOnce, isPaidByOrphan, leaveToOrphan } from "./answers.ts";
import { findRun, recordOf } from "./apply-tasks.ts";
import type { ExecutionId, ExecutionInput } from "./events.ts";
import { hasBegun, orphan, sendRevoke } from "./executions.ts";
import type { RunAccepted } from "./facts.ts";
import {
  giveCopyUp,
  handBackUnstarted,
  offerSources,
  releaseInputs,
  unreadyDependents,
  usableSources,
} from "./inputs.ts";
import { unacknowledgedAnswers } from "./kept-answers.ts";
import { type Outbox, record } from "./outbox.ts";
import { flushReports, plainReport, report } from "./reports.ts";
import {
  abandoned,
  isGang,
  isNeeded,
  type Run,
  runOfState,
  type TaskRecord,
  type WorkerState,
} from "./state.ts";
import { tellYielded } from "./yields.ts";

/** One entry of a `compute` order. */
interface ComputeOrder {
  readonly attempt: AttemptId;
  readonly task: TaskRef;
  readonly spec: number;
  readonly shape: number;
  readonly granted: boolean;
  readonly args: Uint8Array;
  readonly context: string;
  readonly inputs: readonly ExecutionInput[];
  readonly dependencies: readonly TaskRef[];
  /** `sources[i]` is where `dependencies[i]` may be fetched, and `sizes[i]` its bytes. */
  readonly sources: readonly number[];
  readonly sizes: readonly number[];
}

type OrderedInputs = Pick<ComputeOrder, "inputs" | "dependencies" | "sources" | "sizes">;

const noInputs: OrderedInputs = { inputs: [], dependencies: [], sources: [], sizes: [] };

function readInputs(message: HotMessageOf<"compute">, from: number, count: number): OrderedInputs {
  if (count === 0) return noInputs;
  const inputs: ExecutionInput[] = [];
  const sources = new Map<TaskRef, number>();
  const sizes = new Map<TaskRef, number>();
  for (let i = from; i < from + count; i++) {
    const task = message.inputTasks[i];
    const source = message.inputSources[i];
    if (source === inlineSource) inputs.push({ task, inline: blobAt(message.inputs, i) });
    else {
      inputs.push({ task, inline: null });
      sources.set(task, source);
      sizes.set(task, message.inputSizes[i]);
    }
  }
  const dependencies = [...sources.keys()];
  return { inputs, dependencies, sources: [...sources.values()], sizes: [...sizes.values()] };
}

/** Attempts that were answered already, looked up only when an order makes no sense otherwise. */
class Answered {
  readonly #state: WorkerState;
  readonly #out: Outbox;
  #attempts: ReadonlySet<AttemptId> | null = null;

  constructor(state: WorkerState, out: Outbox) {
    this.#state = state;
    this.#out = out;
  }

  has(attempt: AttemptId): boolean {
    if (this.#attempts === null) {
      flushReports(this.#state, this.#out);
      const attempts = new Set<AttemptId>();
      for (const answer of unacknowledgedAnswers(this.#state)) attempts.add(answer.attempt);
      this.#attempts = attempts;
    }
    return this.#attempts.has(attempt);
  }
}

export function onCompute(state: WorkerState, out: Outbox, message: HotMessageOf<"compute">): void {
  const answered = new Answered(state, out);
  let input = 0;
  for (let i = 0; i < message.attempts.length; i++) {
    const count = message.inputCounts.length === 0 ? 0 : message.inputCounts[i];
    const { inputs, dependencies, sources, sizes } = readInputs(message, input, count);
    input += count;
    const order: ComputeOrder = {
      attempt: message.attempts[i],
      task: message.tasks[i],
      spec: message.specs[i],
      shape: message.shapes[i],
      granted: message.prefetched[i] === 0,
      args: blobAt(message.args, i),
      context: message.contexts.length === 0 ? "" : message.contexts[i],
      inputs,
      dependencies,
      sources,
      sizes,
    };
    const reason = refusalOf(state, order);
    if (!isRepeated(state, order, { answered, reason })) computeOne(state, out, order, reason);
  }
}

/** Whether this attempt lives here or was answered: delivering an order twice equals once. */
function isRepeated(
  state: WorkerState,
  order: ComputeOrder,
  { answered, reason }: { readonly answered: Answered; readonly reason: number },
): boolean {
  const mentioned = state.tasks.has(order.task) || state.orphans.has(order.task);
  if (mentioned && findRun(state, order.task, order.attempt) !== null) return true;
  return (mentioned || reason !== 0) && answered.has(order.attempt);
}

/** Why an order cannot be taken at all, or 0. */
function refusalOf(state: WorkerState, order: ComputeOrder): number {
  if (state.leaveBy >= 0) return handBackReason.shutdown;
  if (state.trouble !== "" || state.pause?.outlasted === true) return handBackReason.refused;
  if (state.specs.get(order.spec)?.couldRun !== true) return handBackReason.refused;
  if (isOutOfTurn(state, order)) return handBackReason.refused;
  return order.dependencies.includes(order.task) ? handBackReason.refused : 0;
}

/** Whether a call was sent before its controller knew that one before it was handed back. */
function isOutOfTurn(state: WorkerState, { spec, task, inputs, context }: ComputeOrder): boolean {
  if (state.returnedCalls.size === 0 || state.specs.get(spec)?.isCall !== true) return false;
  const returned = inputs.length === 0 ? undefined : state.returnedCalls.get(inputs[0].task);
  for (const [call, { order }] of returned ?? []) {
    if (call !== task && order < Number(context)) return true;
  }
  return false;
}

function computeOne(state: WorkerState, out: Outbox, order: ComputeOrder, reason: number): void {
  if (reason !== 0) {
    const isCall = state.specs.get(order.spec)?.isCall === true;
    if (isCall || followsOrphan(state, order)) return refuseAccepted(state, out, order, reason);
    const row = plainReport(reportKind.handedBack, order.attempt, order.task);
    return answerAtOnce(state, out, { ...row, reason }, order);
  }
  dropFormerEnd(state, out, order);
  const known = state.tasks.get(order.task);
  if (known?.state.type === "memory") {
    const row = plainReport(reportKind.finished, order.attempt, order.task);
    const { sizeBytes } = known.state.value;
    return answerAtOnce(state, out, { ...row, sizeBytes }, order);
  }
  const former = known === undefined ? null : detachRun(state, out, known);
  acceptOrder(state, out, order, former);
}

function followsOrphan(state: WorkerState, order: ComputeOrder): boolean {
  if (!isPaidByOrphan(state, order)) return false;
  const known = state.tasks.get(order.task)?.state;
  return known === undefined || (known.type !== "memory" && runOfState(known) === null);
}

/**
 * What still runs of its task holds its grant: it is taken, and goes back when that has ended. And
 * a call is taken, so that those behind it are known to be out of their turn.
 */
function refuseAccepted(
  state: WorkerState,
  out: Outbox,
  order: ComputeOrder,
  reason: number,
): void {
  const { task, attempt } = order;
  const known = state.tasks.get(task);
  if (known !== undefined) detachRun(state, out, known);
  record(state, out, acceptedRun(order, 0));
  const run = present(findRun(state, task, attempt), "what was accepted has a run");
  handBackUnstarted(state, out, run, reason, 0);
}

/**
 * A value serves every attempt of its function. That a command once ended well serves no other one:
 * who orders it anew wants it to run.
 */
function dropFormerEnd(state: WorkerState, out: Outbox, order: ComputeOrder): void {
  const known = state.tasks.get(order.task);
  if (known?.state.type !== "memory") return;
  if (state.specs.get(order.spec)?.kind !== "command") return;
  dropValue(state, out, known.task);
  unreadyDependents(state, out, known);
}

/** Brings a known task to `released`. The unstarted run that it lets go of is answered later. */
function detachRun(state: WorkerState, out: Outbox, known: TaskRecord): Run | null {
  const { task } = known;
  const before = known.state;
  if (before.type === "released") return null;
  if (before.type === "executing") {
    orphan(state, out, before.execution);
    return null;
  }
  record(state, out, { type: "task-released", task });
  return runOfState(before);
}

/**
 * T6: what still runs for this task may go on under the new attempt if nothing was sent to it. A
 * command may not: its processes, its directory and its gang know it by the attempt that it has.
 */
function adoptable(state: WorkerState, order: ComputeOrder): Run | null {
  const stopping = state.orphans.get(order.task);
  if (stopping === undefined || !state.unsentStops.has(stopping) || stopping.silent) return null;
  // Of before a restart of the cluster: what is ordered afterwards begins in what is new.
  if (stopping.id < state.renewedFrom) return null;
  const { spec, shape } = stopping.run;
  if (spec.kind === "command" || spec.isCall || isGang(spec)) return null;
  return spec.id === order.spec && shape.id === order.shape ? stopping.run : null;
}

/** Field by field, for each task passes here: a copy by spreading is slower. */
function acceptedRun(order: ComputeOrder, adopts: ExecutionId): RunAccepted {
  return {
    type: "run-accepted",
    attempt: order.attempt,
    task: order.task,
    spec: order.spec,
    shape: order.shape,
    granted: order.granted,
    args: order.args,
    context: order.context,
    inputs: order.inputs,
    dependencies: order.dependencies,
    dependencyBytes: order.sizes,
    adopts,
  };
}

function acceptOrder(
  state: WorkerState,
  out: Outbox,
  order: ComputeOrder,
  former: Run | null,
): void {
  const adopted = adoptable(state, order);
  const adopts = adopted === null ? 0 : (state.orphans.get(order.task)?.id ?? 0);
  record(state, out, acceptedRun(order, adopts));
  if (adopted !== null) tellYielded(state, recordOf(state, order.task));
  const superseded = adopted ?? former;
  if (superseded !== null) {
    const run = findRun(state, order.task, order.attempt);
    const next = run !== null && run.shape === superseded.shape ? run : null;
    answerAbandoned(state, out, superseded, next);
  }
  if (recordOf(state, order.task).state.type === "waiting") seekInputs(state, out, order);
  if (former !== null) releaseInputs(state, out, former);
}

function seekInputs(state: WorkerState, out: Outbox, order: ComputeOrder): void {
  for (let i = 0; i < order.dependencies.length; i++) {
    const input = recordOf(state, order.dependencies[i]);
    offerSources(state, out, input, usableSources(state, [order.sources[i]]));
  }
}

export function onGrant(state: WorkerState, out: Outbox, message: HotMessageOf<"grant">): void {
  const answered = new Answered(state, out);
  for (let i = 0; i < message.attempts.length; i++) {
    const attempt = message.attempts[i];
    const task = message.tasks[i];
    const run = findRun(state, task, attempt);
    if (run !== null) {
      if (!run.granted) grantOne(state, out, run);
    } else if (!answered.has(attempt)) {
      const row = plainReport(reportKind.handedBack, attempt, task);
      report(state, { ...row, reason: handBackReason.refused });
    }
  }
}

/** A granted run that is queued behind a busy lane is taken back if another lane is idle. */
function grantOne(state: WorkerState, out: Outbox, run: Run): void {
  record(state, out, { type: "run-granted", task: run.task, attempt: run.attempt });
  const taskState = state.tasks.get(run.task)?.state;
  if (taskState?.type !== "executing" || state.idleLanes === 0) return;
  const { execution } = taskState;
  if (execution.run !== run || hasBegun(execution) || execution.revoke !== null) return;
  sendRevoke(state, out, execution, "requeue");
}

export function onRetract(state: WorkerState, out: Outbox, message: HotMessageOf<"retract">): void {
  for (let i = 0; i < message.attempts.length; i++) {
    const attempt = message.attempts[i];
    const task = message.tasks[i];
    const taskState = state.tasks.get(task)?.state;
    const run = taskState === undefined ? null : runOfState(taskState);
    if (taskState === undefined || run === null || run.attempt !== attempt) {
      report(state, plainReport(reportKind.retractRefused, attempt, task));
    } else if (taskState.type !== "executing") {
      handBackUnstarted(state, out, run, handBackReason.retracted, 0);
    } else if (hasBegun(taskState.execution)) {
      report(state, plainReport(reportKind.retractRefused, attempt, task));
    } else if (taskState.execution.revoke !== "shutdown") {
      sendRevoke(state, out, taskState.execution, "retract");
    }
  }
}

/** T20 of an unstarted run: answered at once, or by the orphan that it follows. */
function stopUnstarted(state: WorkerState, out: Outbox, run: Run): void {
  if (leaveToOrphan(state, out, run, abandoned)) releaseInputs(state, out, run);
  else {
    record(state, out, { type: "task-released", task: run.task });
    releaseInputs(state, out, run);
    answerAbandoned(state, out, run, null);
  }
  out.closing.push(run.task);
}

export function onStop(state: WorkerState, out: Outbox, message: HotMessageOf<"stop">): void {
  const answered = new Answered(state, out);
  for (let i = 0; i < message.attempts.length; i++) {
    const attempt = message.attempts[i];
    const task = message.tasks[i];
    const run = findRun(state, task, attempt);
    if (run === null) {
      if (answered.has(attempt)) continue; // Its answer is on the way.
      report(state, plainReport(reportKind.abandoned, attempt, task));
      continue;
    }
    const taskState = state.tasks.get(task)?.state;
    if (taskState === undefined || runOfState(taskState) !== run) continue; // It is stopping.
    if (taskState.type === "executing") orphan(state, out, taskState.execution);
    else stopUnstarted(state, out, run);
  }
}

export function onForget(state: WorkerState, out: Outbox, message: HotMessageOf<"forget">): void {
  const { tasks, heard } = message;
  for (const task of tasks) {
    const known = state.tasks.get(task);
    if (known === undefined) continue; // Nothing is held: it is forgotten already.
    giveCopyUp(state, out, known);
    if (isToldSince(known, heard)) keepCopy(state, out, known);
    else if (isInUse(known)) keepTask(state, out, known);
    else forgetTask(state, out, known);
  }
}

/**
 * Whether the order left before its giver heard that the value is here. That word has its answer:
 * the value is believed to be here, or this order comes once more.
 */
function isToldSince({ state: held }: TaskRecord, heard: number): boolean {
  return held.type === "memory" && held.value.toldIn > heard;
}

/** Meant can only be a run that ended before the value came from elsewhere. */
function keepCopy(
  state: WorkerState,
  out: Outbox,
  { task, hadRun, state: held }: TaskRecord,
): void {
  if (hadRun && held.type === "memory" && held.value.copied)
    record(state, out, { type: "task-unmentioned", task });
}

function keepTask(state: WorkerState, out: Outbox, { task, state: held }: TaskRecord): void {
  if (held.type === "memory") report(state, plainReport(reportKind.kept, 0, task));
  else if (runOfState(held) === null) record(state, out, { type: "task-unmentioned", task });
}

/** Whether a run is owed for it, or its value is read or will be. */
function isInUse(known: TaskRecord): boolean {
  if (isNeeded(known) || runOfState(known.state) !== null) return true;
  return known.state.type === "memory" && known.state.value.pins > 0;
}

function forgetTask(state: WorkerState, out: Outbox, { task, state: held }: TaskRecord): void {
  if (held.type === "memory") dropValue(state, out, task);
  record(state, out, { type: "task-forgotten", task });
}

function dropValue(state: WorkerState, out: Outbox, task: TaskRef): void {
  record(state, out, { type: "value-dropped", task });
  out.sends.push({ type: "drop-value", task });
}
