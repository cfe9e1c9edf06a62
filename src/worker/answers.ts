/**
 * The one door out of a run: its terminal answer, and who takes over its grant.
 *
 * Whoever ends a run has already moved its task off it. Nothing else may answer for a run.
 *
 * @module
 */

import { present } from "../base/assert.ts";
import type { AttemptFailure } from "../model/failure.ts";
import { type AttemptId, noAttempt, type TaskRef } from "../model/ids.ts";
import { type AttemptFailed, reportKind } from "../protocol/messages.ts";
import { amountsFit } from "./ledger.ts";
import { type Outbox, record } from "./outbox.ts";
import type { Report } from "./report-columns.ts";
import { plainReport, report, sendAnswer } from "./reports.ts";
import {
  type Execution,
  type Run,
  runOfState,
  type Shape,
  shapesOf,
  type Withheld,
  type WorkerState,
} from "./state.ts";

/** Whether anything may start at all. */
export function mayStart(state: WorkerState): boolean {
  return state.pause === null && state.leaveBy < 0 && state.trouble === "";
}

/** Where more is held than there is, since something went on that had yielded, nobody inherits. */
function chooseHeir(state: WorkerState, shape: Shape): Run | null {
  const heir = mayStart(state) ? shape.prefetched.first() : null;
  if (heir === null) return null;
  return amountsFit(state.capacity, state.used, heir.spec.amounts) ? heir : null;
}

/** Gives a grant that is free now to `heir`. The attempt that has it, or 0: it stays free. */
function passGrant(state: WorkerState, out: Outbox, heir: Run | null): AttemptId {
  if (heir === null) return noAttempt;
  record(state, out, { type: "run-granted", task: heir.task, attempt: heir.attempt });
  return heir.attempt;
}

/**
 * Who takes over from an ended run: `next`, which follows it on its lane, or else the newer run of
 * its task, or else the first ready run of its shape that has no grant.
 */
function heirOf(state: WorkerState, ended: Run, next: Run | null): Run | null {
  if (!ended.granted || ended.hasYielded) return null;
  if (next !== null && !next.granted) return next;
  const newer = newerRun(state, ended);
  if (newer === null) return chooseHeir(state, ended.shape);
  // The controller gave it the grant with its order: there is no second one to pass on.
  return newer.granted || newer.shape !== ended.shape ? null : newer;
}

/** The run that superseded an ended one, if any. */
function newerRun(state: WorkerState, ended: Run): Run | null {
  const taskState = state.tasks.get(ended.task)?.state;
  const run = taskState === undefined ? null : runOfState(taskState);
  return run === ended ? null : run;
}

function closeRun(state: WorkerState, out: Outbox, run: Run, next: Run | null): AttemptId {
  record(state, out, { type: "run-answered", attempt: run.attempt });
  return passGrant(state, out, heirOf(state, run, next));
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
  const { attempt, task: call, spec, inputs, context } = run;
  if (spec.isCall && inputs.length > 0) {
    const [{ task: actor }] = inputs;
    record(state, out, { type: "call-returned", actor, call, attempt, order: Number(context) });
  }
  const row = plainReport(reportKind.handedBack, attempt, call);
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

/**
 * Whether an orphan pays for a task with the grant that the controller has moved to the task's next
 * attempt. That grant is free when the orphan has ended, and not before.
 */
export function isPaidByOrphan(
  state: WorkerState,
  {
    task,
    spec,
    granted,
  }: { readonly task: TaskRef; readonly spec: number; readonly granted: boolean },
): boolean {
  const orphan = state.orphans.get(task);
  if (orphan === undefined || !granted) return false;
  return orphan.paying && !orphan.silent && orphan.run.spec.id === spec;
}

/**
 * Leaves the answer of a run that never started to the orphan that pays for it, if there is one;
 * else false, and whoever ends the run answers.
 */
export function leaveToOrphan(state: WorkerState, out: Outbox, run: Run, told: Withheld): boolean {
  const { task, spec, granted } = run;
  if (!isPaidByOrphan(state, { task, spec: spec.id, granted })) return false;
  const orphan = present(state.orphans.get(task), "the orphan that pays is live");
  answerAbandoned(state, out, orphan.run, run);
  record(state, out, { type: "execution-answers-for-next", execution: orphan.id, told });
  return true;
}

/** What an orphan owes at its end. */
export function answerWithheld(
  state: WorkerState,
  out: Outbox,
  run: Run,
  { next, told }: { readonly next: Run | null; readonly told: Withheld },
): void {
  if (told.type === "abandoned") answerAbandoned(state, out, run, next);
  else answerHandedBack(state, out, run, next, told);
}

function shapeOfOrder(state: WorkerState, spec: number, shape: number): Shape | undefined {
  const known = state.specs.get(spec);
  return known === undefined ? undefined : shapesOf(state, known).get(shape);
}

/** Answers an order that never became a run. `row.successor` is filled in here. */
export function answerAtOnce(
  state: WorkerState,
  out: Outbox,
  row: Report,
  order: { readonly granted: boolean; readonly spec: number; readonly shape: number },
): void {
  const shape = order.granted ? shapeOfOrder(state, order.spec, order.shape) : undefined;
  const successor = passGrant(state, out, shape === undefined ? null : chooseHeir(state, shape));
  report(state, { ...row, successor });
}

/** The run of an execution that may follow on a lane, for the doors above. */
export function runOf(execution: Execution | null): Run | null {
  return execution === null ? null : execution.run;
}
