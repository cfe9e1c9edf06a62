/**
 * The life of one execution: placed on a lane, head of it, ended.
 *
 *     placed ─▶ (queued behind others) ─▶ head, paying ─▶ ended
 *        └── revoke ──▶ taken back          └── abort ──▶ ended
 *
 * It ends only when the executor says so. A stop makes it an orphan, and an orphan still pays.
 * Starting anything needs a grant; only the lane's own successor and an heir get one here.
 *
 * @module
 */

import { assertNever } from "../base/assert.ts";
import type { AttemptFailure } from "../model/failure.ts";
import type { TaskRef } from "../model/ids.ts";
import { handBackReason, reportKind } from "../protocol/messages.ts";
import {
  answerFailed,
  answerFinished,
  answerHandedBack,
  answerWithheld,
  runOf,
} from "./answers.ts";
import { recordOf } from "./apply-tasks.ts";
import type { WorkerEvent } from "./events.ts";
import { loseValue, readyDependents, releaseInputs } from "./inputs.ts";
import { type Outbox, record } from "./outbox.ts";
import { plainReport, report } from "./reports.ts";
import type { Execution, RevokeIntent, Run, WorkerState } from "./state.ts";

type EventOf<T extends WorkerEvent["type"]> = Extract<WorkerEvent, { type: T }>;

/** Whether the thread may be at it: a head always may, what is queued has been seen to. */
export function hasBegun(execution: Execution): boolean {
  return execution.paying || execution.startedAt >= 0;
}

/** Records the end and promotes what follows on the lane, if it ended at the head. */
function closeExecution(
  state: WorkerState,
  out: Outbox,
  execution: Execution,
  durationUs: number,
): Execution | null {
  record(state, out, { type: "execution-ended", execution: execution.id, durationUs });
  return promoteNext(state, out, execution);
}

/** The thread goes on by itself: what follows the head that left pays from now on. */
function promoteNext(state: WorkerState, out: Outbox, left: Execution): Execution | null {
  if (!left.paying) return null;
  const { entries } = left.lane;
  if (entries.length === 0) return null;
  record(state, out, { type: "execution-promoted", execution: entries[0].id, at: out.at });
  if (entries[0].startedAt >= 0) out.started.push(entries[0]);
  return entries[0];
}

/** The end of something that no task wants any more. */
function endOrphan(state: WorkerState, out: Outbox, orphan: Execution): void {
  const { run, silent, told } = orphan;
  const next = closeExecution(state, out, orphan, -1);
  if (silent) grantSilently(state, out, next);
  else answerWithheld(state, out, run, { next: runOf(next), told });
}

/** What follows a silent orphan is silent too; it runs, so it counts as granted. */
function grantSilently(state: WorkerState, out: Outbox, next: Execution | null): void {
  if (next === null || next.run.granted) return;
  const { task, attempt } = next.run;
  record(state, out, { type: "run-granted", task, attempt });
}

export function onFinished(
  state: WorkerState,
  out: Outbox,
  event: EventOf<"execution-finished">,
): void {
  const execution = state.executions.get(event.execution);
  if (execution === undefined || execution.orphan) {
    out.sends.push({ type: "discard-result", execution: event.execution });
    if (execution !== undefined) endOrphan(state, out, execution);
    return;
  }
  const { run } = execution;
  const { task } = run;
  const next = closeExecution(state, out, execution, event.durationUs);
  record(state, out, { type: "value-stored", task, sizeBytes: event.sizeBytes, copied: false });
  out.sends.push({ type: "store-result", execution: event.execution, task });
  readyDependents(state, out, recordOf(state, task));
  answerFinished(state, out, run, runOf(next), {
    sizeBytes: event.sizeBytes,
    durationUs: event.durationUs,
    value: event.inline,
  });
}

function endFailed(
  state: WorkerState,
  out: Outbox,
  execution: Execution,
  told: Parameters<typeof answerFailed>[4],
): void {
  const { run } = execution;
  const next = closeExecution(state, out, execution, -1);
  // What asked to run later is no input at fault.
  if (told.cause === "rescheduled") {
    record(state, out, { type: "task-rescheduled", task: run.task, reason: 0 });
  } else record(state, out, { type: "task-failed", task: run.task, kind: "execution" });
  out.closing.push(run.task);
  answerFailed(state, out, run, runOf(next), told);
}

/** T18: the run may go elsewhere at no charge. */
function endHandedBack(
  state: WorkerState,
  out: Outbox,
  execution: Execution,
  told: Parameters<typeof answerHandedBack>[4],
): void {
  const { run } = execution;
  const next = closeExecution(state, out, execution, -1);
  record(state, out, { type: "task-rescheduled", task: run.task, reason: told.reason });
  out.closing.push(run.task);
  answerHandedBack(state, out, run, runOf(next), told);
}

/** What may have begun goes elsewhere, unless it may begin once only: then that is its end. */
function endInterrupted(
  state: WorkerState,
  out: Outbox,
  execution: Execution,
  reason: number,
): void {
  if (execution.run.spec.isCall) return endWithActor(state, out, execution);
  if (execution.run.spec.definition.exclusive === true) {
    const message = "it was ended on its worker by no fault of its own";
    const error = { name: "Interrupted", message, stack: "", causes: [] };
    const failure = { error, exitCode: null, signal: null, oom: false, stderrTail: "" };
    endFailed(state, out, execution, { cause: "killed", failure });
  } else endHandedBack(state, out, execution, { reason, other: 0 });
}

/** The failure of what ran too long; `ended` says how its process ended, if that is known. */
function timeoutFailure(
  run: Run,
  ended: AttemptFailure | null,
): Parameters<typeof answerFailed>[4] {
  const message = `ran longer than its timeout of ${run.spec.definition.timeoutMs} ms`;
  return {
    cause: "timeout",
    failure: {
      error: { name: "TimeoutError", message, stack: "", causes: [] },
      exitCode: ended?.exitCode ?? null,
      signal: ended?.signal ?? null,
      oom: false,
      stderrTail: ended?.stderrTail ?? "",
    },
  };
}

/** A call that may have begun goes nowhere else. */
function endWithActor(state: WorkerState, out: Outbox, execution: Execution): void {
  const error = { name: "Error", message: "its actor was told to end", stack: "", causes: [] };
  const ended = { exitCode: null, signal: null, oom: false, stderrTail: "" };
  endFailed(state, out, execution, { cause: "actor-lost", failure: { error, ...ended } });
}

/** Ends what is still wanted and was aborted; false if no abort was sent to it. */
function endAborted(
  state: WorkerState,
  out: Outbox,
  execution: Execution,
  ended: AttemptFailure | null,
): boolean {
  switch (execution.abort) {
    case "timeout":
      endFailed(state, out, execution, timeoutFailure(execution.run, ended));
      return true;
    case "shutdown":
      endInterrupted(state, out, execution, handBackReason.shutdown);
      return true;
    case "stopped":
    case null:
      return false;
    default:
      return assertNever(execution.abort);
  }
}

export function onFailed(
  state: WorkerState,
  out: Outbox,
  event: EventOf<"execution-failed">,
): void {
  const execution = state.executions.get(event.execution);
  if (execution === undefined) return;
  if (execution.orphan) return endOrphan(state, out, execution);
  const { cause, failure } = event;
  // What ran out of memory did so whatever else was asked of it; a signal may be that of the abort.
  if (cause !== "oom" && endAborted(state, out, execution, failure)) return;
  endFailed(state, out, execution, { cause, failure });
}

export function onAborted(
  state: WorkerState,
  out: Outbox,
  event: EventOf<"execution-aborted">,
): void {
  const execution = state.executions.get(event.execution);
  if (execution === undefined) return;
  if (execution.orphan) return endOrphan(state, out, execution);
  if (endAborted(state, out, execution, null)) return;
  endInterrupted(state, out, execution, handBackReason.refused);
}

/** Whether it is known that the bytes of an input are gone: then nobody is to blame for them. */
function wasLost({ values }: Execution, task: TaskRef): boolean {
  return values.some((value) => value.task === task && value.gone);
}

/** The bytes of an input are bad: the local copy goes, the run goes back naming the input. */
export function onInputFailed(
  state: WorkerState,
  out: Outbox,
  event: EventOf<"execution-input-failed">,
): void {
  const execution = state.executions.get(event.execution);
  if (execution === undefined) return;
  if (execution.orphan) endOrphan(state, out, execution);
  else {
    const { dependencyFailed, dependencyLost } = handBackReason;
    const reason = wasLost(execution, event.task) ? dependencyLost : dependencyFailed;
    endHandedBack(state, out, execution, { reason, other: event.task });
  }
  if (!execution.run.dependencies.includes(event.task)) return;
  if (state.tasks.get(event.task)?.state.type !== "memory") return;
  loseValue(state, out, event.task);
  out.sends.push({ type: "drop-value", task: event.task });
  report(state, plainReport(reportKind.lost, 0, event.task));
}

export function onTakenUp(
  state: WorkerState,
  out: Outbox,
  event: EventOf<"execution-started">,
): void {
  const execution = state.executions.get(event.execution);
  if (execution === undefined || execution.startedAt >= 0) return;
  record(state, out, { type: "execution-taken-up", execution: execution.id, at: event.at });
  out.started.push(execution);
}

/** Tells of what was taken up and still runs now that the step is over. */
export function reportStarted(state: WorkerState, out: Outbox): void {
  for (const execution of out.started) {
    if (execution.orphan || !execution.paying || !state.executions.has(execution.id)) continue;
    const { attempt, task } = execution.run;
    report(state, plainReport(reportKind.started, attempt, task));
  }
}

/** T21: the task lets go; the execution goes on paying until it ends. */
export function orphan(state: WorkerState, out: Outbox, execution: Execution): void {
  record(state, out, { type: "execution-orphaned", execution: execution.id, at: out.at });
  out.closing.push(execution.run.task);
}

export function sendAbort(
  state: WorkerState,
  out: Outbox,
  execution: Execution,
  reason: "stopped" | "timeout" | "shutdown",
): void {
  record(state, out, { type: "execution-abort-sent", execution: execution.id, reason });
  const sent = reason === "timeout" ? "timeout" : "stopped";
  const { graceMs } = execution.run.spec.definition;
  out.sends.push({
    type: "abort-execution",
    execution: execution.id,
    reason: sent,
    graceMs,
  });
}

export function sendRevoke(
  state: WorkerState,
  out: Outbox,
  execution: Execution,
  intent: RevokeIntent,
): void {
  const asked = execution.revoke !== null;
  record(state, out, { type: "execution-revoke-sent", execution: execution.id, intent });
  if (!asked) out.sends.push({ type: "revoke-execution", execution: execution.id });
}

/** Sends the stops that nothing adopted in time. */
export function sendDueStops(state: WorkerState, out: Outbox, dueBy: number): void {
  for (const [execution, stoppedAt] of [...state.unsentStops]) {
    if (stoppedAt > dueBy) continue;
    sendStop(state, out, execution);
  }
}

/** Stops an orphan: takes it back from its lane if it has not begun, else aborts it. */
export function sendStop(state: WorkerState, out: Outbox, execution: Execution): void {
  if (hasBegun(execution)) sendAbort(state, out, execution, "stopped");
  else sendRevoke(state, out, execution, "stop");
}

/** The run of an execution that was taken back before its thread began it waits again. */
function requeue(state: WorkerState, out: Outbox, execution: Execution): void {
  const { run } = execution;
  record(state, out, { type: "execution-requeued", execution: execution.id });
  for (const dependency of run.dependencies) out.closing.push(dependency);
}

function onTakenBack(state: WorkerState, out: Outbox, execution: Execution): void {
  const { revoke, paying, lane } = execution;
  if (execution.orphan) return endOrphan(state, out, execution);
  switch (revoke) {
    case "requeue": {
      const follower = lane.entries[1];
      if (state.trouble !== "" || state.pause?.outlasted === true) {
        return endHandedBack(state, out, execution, { reason: handBackReason.refused, other: 0 });
      }
      const passesGrant = paying && follower !== undefined && !follower.run.granted;
      if (!passesGrant) {
        requeue(state, out, execution);
        promoteNext(state, out, execution);
        return;
      }
      // Its grant must go to what runs on its lane now, and only an answer can say so.
      return endHandedBack(state, out, execution, { reason: handBackReason.retracted, other: 0 });
    }
    case "shutdown":
      return endHandedBack(state, out, execution, { reason: handBackReason.shutdown, other: 0 });
    case "retract":
    case "stop":
    case null:
      return endHandedBack(state, out, execution, { reason: handBackReason.retracted, other: 0 });
    default:
      return assertNever(revoke);
  }
}

export function onRevoked(
  state: WorkerState,
  out: Outbox,
  event: EventOf<"execution-revoked">,
): void {
  const execution = state.executions.get(event.execution);
  if (execution === undefined) return;
  if (event.revoked) return onTakenBack(state, out, execution);
  const { revoke, run } = execution;
  const { at } = event;
  record(state, out, { type: "execution-revoke-refused", execution: execution.id, at });
  if (execution.orphan) {
    if (execution.abort === null) sendAbort(state, out, execution, "stopped");
  } else if (revoke === "shutdown") sendAbort(state, out, execution, "shutdown");
  else if (revoke === "retract") {
    report(state, plainReport(reportKind.retractRefused, run.attempt, run.task));
  }
}

/** A stored value turned out to be unreadable. */
export function onValueLost(state: WorkerState, out: Outbox, event: EventOf<"value-lost">): void {
  const { task } = event;
  const held = state.tasks.get(task)?.state;
  if (held?.type !== "memory") return;
  // It may have left memory in this very turn: then a file is left behind.
  const hasFile = held.value.place === "disk" || held.value.place === "reading";
  loseValue(state, out, task);
  if (hasFile) out.sends.push({ type: "drop-value", task });
  report(state, plainReport(reportKind.lost, 0, task));
}

/** The value of a run is here though it never ran here: T11 in its second meaning. */
export function finishWithValue(
  state: WorkerState,
  out: Outbox,
  run: Run,
  sizeBytes: number,
): void {
  record(state, out, { type: "value-stored", task: run.task, sizeBytes, copied: false });
  releaseInputs(state, out, run);
  readyDependents(state, out, recordOf(state, run.task));
  answerFinished(state, out, run, null, { sizeBytes, durationUs: 0, value: null });
}
