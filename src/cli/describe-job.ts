/**
 * One job as lines: what it is, where it stands, and its tasks in a table.
 *
 * @module
 */

import { formatDuration, formatMemory } from "../model/format-quantities.ts";
import type { Terminal } from "./context.ts";
import { describeEnd } from "./describe-attempt.ts";
import { describeCounts } from "./job-screen.ts";
import { alignColumns, paintFor, paintState } from "./print.ts";
import { formatSpan } from "./print-times.ts";
import type { JobView, TaskView } from "./responses.ts";

/** The job's own fields, those that say something. */
export function describeJob(terminal: Terminal, job: JobView): readonly string[] {
  const paint = paintFor(terminal);
  const rows = [
    ["state", paintState(paint, job.state)],
    ["user", job.user],
    ["band", job.band.toLowerCase()],
    ["tasks", `${job.replicas}: ${describeCounts(job)}`],
    ["failures", `${job.failureCount} attempts, ${job.failedTaskCount} tasks`],
    ["taken away", job.preemptionCount === 0 ? "" : `${job.preemptionCount} attempts`],
    ["submitted", job.submittedAt ?? ""],
    ["started", job.startedAt ?? ""],
    ["finished", job.finishedAt ?? ""],
    ["ran for", formatSpan(job.startedAt, job.finishedAt)],
    ["reason", job.pendingReason ?? ""],
    ["error", job.error?.message ?? ""],
  ].filter(([, value]) => value !== "");
  return [paint.bold(job.jobId), ...alignColumns(rows).map((line) => `  ${line}`)];
}

export const taskHeader = [
  ...["TASK", "STATE", "WORKER", "ATTEMPTS", "TIME", "PEAK RSS", "CPU", "END"],
] as const;

/** A row under `taskHeader`: the last attempt of one task. */
export function taskRow(terminal: Terminal, task: TaskView): readonly string[] {
  const last = task.attempts.at(-1);
  const state = paintState(paintFor(terminal), task.state);
  const name = task.taskId.slice(task.taskId.lastIndexOf("/") + 1);
  if (last === undefined) return [name, state, "", "0", "", "", "", task.pendingReason ?? ""];
  return [
    name,
    state,
    last.workerId,
    String(task.attempts.length),
    formatSpan(last.startedAt, last.endedAt),
    last.peakRssBytes === 0 ? "" : formatMemory(last.peakRssBytes),
    last.cpuMs === 0 ? "" : formatDuration(last.cpuMs),
    describeEnd(last) || (task.pendingReason ?? ""),
  ];
}
