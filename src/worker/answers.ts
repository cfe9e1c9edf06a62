/**
 * The one door out of a run: its terminal answer, and who takes over its grant.
 *
 * Whoever ends a run has already moved its task off it. Nothing else may answer for a run.
 *
 * @module
 */

import type { AttemptFailure } from "../model/failure.ts";
import { type AttemptId, noAttempt, type TaskRef } from "../model/ids.ts";
import { type AttemptFailed, reportKind } from "../protocol/messages.ts";
import { type Outbox, record } from "./outbox.ts";
import type { Report } from "./report-columns.ts";
import { plainReport, report, sendAnswer } from "./reports.ts";
import type { Execution, Run, Shape, WorkerState } from "./state.ts";

/** Whether anything may start at all. */
export function mayStart(state: WorkerState): boolean {
  return !state.paused && state.leaveBy < 0 && state.trouble === "";
}

function chooseHeir(state: WorkerState, shape: Shape): Run | null {
  return mayStart(state) ? shape.prefetched.first() : null;
}

/**
 * Gives the grant of an ended run to `next`, which follows it on its lane, or else to the first
 * ready run of its shape that has none. The attempt that has it now, or 0: it is free.
 */
function passGrant(
  state: WorkerState,
  out: Outbox,
  ended: { readonly granted: boolean; readonly shape: Shape },
  next: Run | null,
): AttemptId {
  if (!ended.granted) return noAttempt;
  const heir = next !== null && !next.granted ? next : chooseHeir(state, ended.shape);
  if (heir === null) return noAttempt;
  record(state, out, { type: "run-granted", task: heir.task, attempt: heir.attempt });
  return heir.attempt;
}

function closeRun(state: WorkerState, out: Outbox, run: Run, next: Run | null): AttemptId {
  record(state, out, { type: "run-answered", attempt: run.attempt });
  return passGrant(state, out, run, next);
}

export interface Finish {
  readonly sizeBytes: number;
  readonly durationUs: number;
  readonly value: Uint8Array | null;
}

/** The task has its value: by this run, or because it arrived or was here already. */
export function answerFinished(
  state: WorkerState,
  out: Outbox,
  run: Run,
  next: Run | null,
  { sizeBytes, durationUs, value }: Finish,
): void {
  const successor = closeRun(state, out, run, next);
  report(state, {
    kind: reportKind.finished,
    attempt: run.attempt,
    task: run.task,
    reason: 0,
    successor,
    other: 0,
    sizeBytes,
    durationUs,
    value,
  });
}

export function answerHandedBack(
  state: WorkerState,
  out: Outbox,
  run: Run,
  next: Run | null,
  { reason, other }: { readonly reason: number; readonly other: TaskRef },
): void {
  const successor = closeRun(state, out, run, next);
  const row = plainReport(reportKind.handedBack, run.attempt, run.task);
  report(state, { ...row, reason, other, successor });
}

export function answerAbandoned(state: WorkerState, out: Outbox, run: Run, next: Run | null): void {
  const successor = closeRun(state, out, run, next);
  const row = plainReport(reportKind.abandoned, run.attempt, run.task);
  report(state, { ...row, successor });
}

export function answerFailed(
  state: WorkerState,
  out: Outbox,
  run: Run,
  next: Run | null,
  { cause, failure }: { cause: AttemptFailed["cause"]; failure: AttemptFailure },
): void {
  const successor = closeRun(state, out, run, next);
  const { attempt, task } = run;
  sendAnswer(state, out, { type: "attempt-failed", attempt, task, successor, cause, failure });
}

function shapeOfOrder(state: WorkerState, spec: number, shape: number): Shape | undefined {
  const shapes = state.specs.get(spec)?.kind === "command" ? state.commandShapes : state.shapes;
  return shapes.get(shape);
}

/** Answers an order that never became a run. `row.successor` is filled in here. */
export function answerAtOnce(
  state: WorkerState,
  out: Outbox,
  row: Report,
  order: { readonly granted: boolean; readonly spec: number; readonly shape: number },
): void {
  const { granted } = order;
  const shape = shapeOfOrder(state, order.spec, order.shape);
  const successor = shape === undefined ? 0 : passGrant(state, out, { granted, shape }, null);
  report(state, { ...row, successor });
}

/** The run of an execution that may follow on a lane, for the doors above. */
export function runOf(execution: Execution | null): Run | null {
  return execution === null ? null : execution.run;
}
