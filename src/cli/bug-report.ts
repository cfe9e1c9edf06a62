/**
 * A page of Markdown about one job, for whoever has to find out what went wrong.
 *
 * @module
 */

import { formatMemory, formatResources } from "../model/format-quantities.ts";
import { redactText } from "../model/redact-text.ts";
import { describeEnd, describeExit } from "./describe-attempt.ts";
import { describeCounts } from "./job-screen.ts";
import { formatSpan } from "./print-times.ts";
import type {
  AttemptView,
  JobView,
  LogPage,
  Responses,
  TaskView,
  WorkerView,
} from "./responses.ts";

/** A task that did not succeed, with the end of what it wrote. */
export interface ReportedTask {
  readonly task: TaskView;
  readonly lines: LogPage["lines"];
  readonly unavailable: LogPage["unavailable"];
}

export interface BugReport {
  readonly info: Responses["GetClusterInfo"];
  readonly job: JobView;
  readonly tasks: readonly TaskView[];
  readonly totalCount: number;
  readonly logs: readonly ReportedTask[];
  readonly children: Responses["ListJobs"];
  readonly workers: readonly WorkerView[];
}

/** The whole page. What looks like a secret is replaced by `***`. */
export function renderBugReport(report: BugReport): string {
  const { tasks, totalCount } = report;
  const omitted = totalCount - tasks.length;
  const sections = [
    `# ${report.job.jobId}: ${report.job.state}`,
    summaryOf(report),
    "## Tasks",
    table(taskHeader, tasks.map(taskRow)),
    ...(omitted > 0 ? [`${omitted} more tasks are not in this report.`] : []),
    "## Attempts",
    table(attemptHeader, tasks.flatMap(attemptRows)),
    ...logSections(report.logs),
    "## Workers",
    table(workerHeader, report.workers.map(workerRow)),
    ...childSection(report.children),
  ];
  return `${redactText(sections.join("\n\n"))}\n`;
}

function summaryOf({ info, job }: BugReport): string {
  const rows = [
    ["user", job.user],
    ["band", job.band],
    ["tasks", `${job.replicas}: ${describeCounts(job)}`],
    ["failed attempts", String(job.failureCount)],
    ["failed tasks", String(job.failedTaskCount)],
    ["attempts taken away", String(job.preemptionCount)],
    ["submitted", job.submittedAt ?? ""],
    ["started", job.startedAt ?? "never"],
    ["finished", job.finishedAt ?? "not yet"],
    ["ran for", formatSpan(job.startedAt, job.finishedAt)],
    ["waits for", job.pendingReason ?? ""],
    ["error", job.error?.message ?? ""],
    ["Capstan", `${info.version}, epoch ${info.epoch}, journal ${info.journalSequence}`],
    ["degraded", info.degraded.join("; ")],
  ];
  return rows
    .filter(([, value]) => value !== "")
    .map(([name, value]) => `- ${name}: ${value}`)
    .join("\n");
}

const taskHeader = ["task", "state", "attempts", "time", "reason"] as const;

function taskRow(task: TaskView): readonly string[] {
  const first = task.attempts.find(({ startedAt }) => startedAt !== null);
  const last = task.attempts.at(-1);
  const span = formatSpan(first?.startedAt ?? null, last?.endedAt ?? null);
  const reason = task.error?.message ?? task.pendingReason ?? "";
  return [task.taskId, task.state, String(task.attempts.length), span, reason];
}

const attemptHeader = [
  ...["task", "attempt", "worker", "state", "cause", "exit", "how", "time", "peak memory"],
] as const;

function attemptRows(task: TaskView): readonly (readonly string[])[] {
  return task.attempts.map((attempt) => attemptRow(task.index, attempt));
}

function attemptRow(index: number, attempt: AttemptView): readonly string[] {
  return [
    String(index),
    attempt.attemptId,
    attempt.workerId,
    attempt.state,
    attempt.cause ?? "",
    describeExit(attempt),
    describeEnd(attempt),
    formatSpan(attempt.startedAt, attempt.endedAt),
    attempt.peakRssBytes === 0 ? "" : formatMemory(attempt.peakRssBytes),
  ];
}

function logSections(logs: readonly ReportedTask[]): readonly string[] {
  return logs.flatMap(({ task, lines, unavailable }) => [
    `## Last lines of ${task.taskId}`,
    lines.length === 0 ? "It wrote nothing that was kept." : fenced(lines),
    ...unavailable.map(
      ({ attemptId, workerId, reason }) =>
        `Lines of attempt ${attemptId} on ${workerId} cannot be had: ${reason}`,
    ),
  ]);
}

/** The fence is longer than any row of backticks inside. */
function fenced(lines: LogPage["lines"]): string {
  const text = lines.map(({ at, attemptId, stream, text: line }) => {
    return `${at} ${attemptId} ${stream === "stderr" ? "E" : " "} ${line}`;
  });
  const longest = text.join("\n").match(/`+/g) ?? [];
  const fence = "`".repeat(Math.max(3, ...longest.map((row) => row.length + 1)));
  return [fence, ...text, fence].join("\n");
}

const workerHeader = ["worker", "state", "address", "committed", "total", "reason"] as const;

function workerRow(worker: WorkerView): readonly string[] {
  const { workerId, state, address, committed, total, stateReason } = worker;
  const amounts = [formatResources(committed), formatResources(total)];
  return [workerId, state, address, ...amounts, stateReason];
}

function childSection({ jobs, totalCount }: Responses["ListJobs"]): readonly string[] {
  if (totalCount === 0) return [];
  const rows = jobs.map((job) => [job.jobId, job.state, describeCounts(job)]);
  const omitted = totalCount - jobs.length;
  return [
    "## Child jobs",
    table(["job", "state", "tasks"], rows),
    ...(omitted > 0 ? [`${omitted} more child jobs are not in this report.`] : []),
  ];
}

/** A table of Markdown; a cell that would break it is made harmless. */
function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return "None.";
  const line = (cells: readonly string[]) => `| ${cells.map(plainCell).join(" | ")} |`;
  return [line(header), line(header.map(() => "---")), ...rows.map(line)].join("\n");
}

function plainCell(cell: string): string {
  return cell.replaceAll("|", "\\|").replaceAll(/\s*\n\s*/g, " ");
}
