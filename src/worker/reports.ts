/**
 * What the worker says: rows collected during a step, terminal answers kept until acknowledged.
 *
 * Everything said about one task leaves in the order of its transitions, so a failure (a message
 * of its own) is preceded by the rows collected before it. While there is no connection only
 * terminal answers and what was measured are kept; the inventory of the next connection tells the
 * rest.
 *
 * @module
 */

import { blobAt } from "../base/blobs.ts";
import type { AttemptId, TaskRef } from "../model/ids.ts";
import {
  type HotMessageOf,
  needsSourcesReason,
  reportKind,
  type WorkerMessage,
} from "../protocol/messages.ts";
import { type Outbox, record } from "./outbox.ts";
import { isTerminalKind, type Report } from "./report-columns.ts";
import type { AnswerMessage, WorkerState } from "./state.ts";

/** A row that says nothing but its kind, attempt and task. */
export function plainReport(kind: number, attempt: AttemptId, task: TaskRef): Report {
  return {
    kind,
    attempt,
    task,
    reason: 0,
    successor: 0,
    other: 0,
    sizeBytes: 0,
    durationUs: 0,
    value: null,
  };
}

export function report(state: WorkerState, row: Report): void {
  state.reports.push(row);
}

/** Sends an answer message, or keeps it if nobody listens. */
function sendAnswers(state: WorkerState, out: Outbox, message: AnswerMessage, ends: boolean): void {
  if (state.connection.up) {
    record(state, out, { type: "message-sent", answers: ends ? message : null });
    out.sends.push({ type: "send-message", message });
  } else if (ends) record(state, out, { type: "answers-kept", answers: message });
}

/** Sends what was collected so far as one message. */
export function flushReports(state: WorkerState, out: Outbox): void {
  if (state.reports.count === 0) return;
  const ends = state.reports.terminals > 0;
  sendAnswers(state, out, state.reports.take(), ends);
}

/** Says something that is not kept, after everything that was said before; or says nothing. */
export function say(state: WorkerState, out: Outbox, message: WorkerMessage): void {
  if (!state.connection.up) return;
  flushReports(state, out);
  record(state, out, { type: "message-sent", answers: null });
  out.sends.push({ type: "send-message", message });
}

/** Says how an attempt failed or what it used, after everything that was said before. */
export function sendAnswer(state: WorkerState, out: Outbox, message: AnswerMessage): void {
  flushReports(state, out);
  sendAnswers(state, out, message, true);
}

function rowAt(message: HotMessageOf<"reports">, index: number): Report {
  const value = blobAt(message.values, index);
  return {
    kind: message.kinds[index],
    attempt: message.attempts[index],
    task: message.tasks[index],
    reason: message.reasons[index],
    successor: message.successors[index],
    other: message.others[index],
    sizeBytes: message.sizes[index],
    durationUs: message.durations[index],
    value: value.length === 0 ? null : value,
  };
}

/** That a value is gone was heard by nobody: it is said again after the answer that promised it. */
function repeatAnswer(state: WorkerState, row: Report): void {
  report(state, row);
  const { kind, task } = row;
  if (kind !== reportKind.finished || state.tasks.get(task)?.state.type === "memory") return;
  report(state, plainReport(reportKind.lost, 0, task));
}

/** Says every kept answer again, in its order, on a connection that has just opened. */
export function repeatAnswers(
  state: WorkerState,
  out: Outbox,
  kept: readonly AnswerMessage[],
): void {
  for (const message of kept) {
    if (message.type !== "reports") {
      sendAnswer(state, out, message);
      continue;
    }
    for (let i = 0; i < message.kinds.length; i++) {
      if (isTerminalKind(message.kinds[i])) repeatAnswer(state, rowAt(message, i));
    }
  }
  flushReports(state, out);
}

/** Tells that no source is left for a task, and why; `attempt` is one that needs it. */
export function reportNeedsSources(
  state: WorkerState,
  task: TaskRef,
  attempt: AttemptId,
  reason: number = needsSourcesReason.absent,
): void {
  report(state, { ...plainReport(reportKind.needsSources, attempt, task), reason });
}
