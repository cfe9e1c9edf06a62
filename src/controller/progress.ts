/**
 * How far running tasks say they are. For people: nothing is decided by it, the journal does not
 * keep it, and it goes with its attempt. A worker tells all of it again on each connection.
 *
 * @module
 */

import { U32Column } from "../base/column.ts";
import type { Micros } from "../base/time.ts";
import { CapstanError } from "../model/errors.ts";
import { formatDuration, formatFraction } from "../model/format-quantities.ts";
import { formatAttemptId, type WorkerIndex } from "../model/ids.ts";
import type { Progress } from "../model/progress.ts";
import type { HotMessageOf } from "../protocol/messages.ts";
import type { ApiAnswer } from "./access.ts";
import type { ApiRequest } from "./events.ts";
import { taskNamed } from "./lookup.ts";
import type { Outbox } from "./outbox.ts";
import { findAttempt } from "./reports.ts";
import { type ControllerState, taskIdOf } from "./state.ts";
import { noSlot } from "./tables/task-table.ts";

/** What a worker tells of attempts that are over, or that are not there, is left out. */
export function onProgress(
  state: ControllerState,
  out: Outbox,
  told: {
    readonly worker: WorkerIndex;
    readonly message: HotMessageOf<"progress">;
    readonly at: Micros;
  },
): void {
  const { worker, message, at } = told;
  const rows = new U32Column();
  const progress: Progress[] = [];
  for (let i = 0; i < message.attempts.length; i++) {
    const [attempt, task] = [message.attempts[i], message.tasks[i]];
    const row = findAttempt(state, { worker, attempt, task });
    if (row < 0) continue;
    rows.push(row);
    progress.push({ fraction: message.fractions[i], note: message.notes[i] });
  }
  if (progress.length === 0) return;
  out.record(state, { type: "progress-told", at, attempts: rows.take(), progress });
}

/** ReportProgress: what a program says of itself, by the attempt that it runs as. */
export function onReportProgress(
  state: ControllerState,
  out: Outbox,
  {
    request,
    at,
  }: {
    readonly request: Extract<ApiRequest, { type: "report-progress" }>;
    readonly at: Micros;
  },
): ApiAnswer {
  const { taskId, attemptId, fraction, note } = request;
  const task = taskNamed(state, taskId);
  const row = task < 0 ? noSlot : state.tasks.attempt[task];
  if (row === noSlot || formatAttemptId(state.attempts.id[row]) !== attemptId) {
    return { error: notRunning(request) };
  }
  const progress = [{ fraction, note }];
  out.record(state, { type: "progress-told", at, attempts: Uint32Array.of(row), progress });
  return { result: { taskId: taskIdOf(state, task), attemptId } };
}

function notRunning({ taskId, attemptId }: { taskId: string; attemptId: string }): CapstanError {
  return new CapstanError(
    "NOT_FOUND",
    `attemptId: ${JSON.stringify(attemptId)} is not the current attempt of ` +
      `${JSON.stringify(taskId)}: the task has ended, is tried again, or never was`,
    { details: { taskId, attemptId } },
  );
}

/** How far the task says it is that runs now; null if it has said nothing. */
export function progressOf(state: ControllerState, task: number) {
  const row = state.tasks.attempt[task];
  return row === noSlot ? null : (state.progress.get(row) ?? null);
}

/** What to add to where an attempt runs: `; 42 % done, reading, as it said 3s ago`, or nothing. */
export function describeProgress({ progress, at }: ControllerState, row: number): string {
  const said = progress.get(row);
  if (said === undefined) return "";
  const ago = formatDuration((at - said.at) / 1000);
  const note = said.note === "" ? "" : `, ${said.note}`;
  return `; ${formatFraction(said.fraction)} done${note}, as it said ${ago} ago`;
}
