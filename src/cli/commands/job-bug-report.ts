/**
 * `capstan job bug-report ID`: everything about a job that went wrong, as one page of Markdown.
 *
 * @module
 */

import { buildCommand } from "@stricli/core";
import { callApi } from "../api.ts";
import { type ReportedTask, renderBugReport } from "../bug-report.ts";
import { type CliContext, command, exitCodes, type Terminal } from "../context.ts";
import { type GlobalFlags, globalFlags, type Target, targetOf } from "../global-flags.ts";
import { jobArgument } from "../id-argument.ts";
import { readTasks } from "../job-tasks.ts";
import { childJobsMax, reportedLogLines, shownFailuresMax } from "../limits.ts";
import { printJson } from "../print.ts";
import { resolveJobId } from "../resolve-id.ts";
import type { TaskView, WorkerView } from "../responses.ts";

async function reportBug(terminal: Terminal, flags: GlobalFlags, id: string): Promise<number> {
  const target = targetOf(flags, terminal);
  const jobId = await resolveJobId(target, id);
  const status = await callApi(target, "GetJobStatus", { jobId });
  if (flags.json) {
    printJson(terminal, status);
    return exitCodes.ok;
  }
  const { tasks, totalCount } = await readTasks(target, jobId);
  const failed = tasks.filter(({ state }) => state !== "SUCCEEDED").slice(0, shownFailuresMax);
  const [info, children, workers] = await Promise.all([
    callApi(target, "GetClusterInfo", {}),
    callApi(target, "ListJobs", {
      filter: { namePrefix: `${jobId}/` },
      pageSize: childJobsMax,
    }),
    involvedWorkers(target, tasks),
  ]);
  const logs: ReportedTask[] = [];
  for (const task of failed) logs.push(await readLastLines(target, task));
  const report = { info, job: status.job, tasks, totalCount, logs, children, workers };
  terminal.stdout.write(renderBugReport(report));
  return exitCodes.ok;
}

async function readLastLines(target: Target, task: TaskView): Promise<ReportedTask> {
  const { taskId } = task;
  const page = await callApi(target, "FetchLogs", { taskId, tail: reportedLogLines });
  return { task, lines: page.lines, unavailable: page.unavailable };
}

/** The workers that some attempt was on and that are still remembered. */
async function involvedWorkers(
  target: Target,
  tasks: readonly TaskView[],
): Promise<readonly WorkerView[]> {
  const names = new Set(tasks.flatMap(({ attempts }) => attempts.map(({ workerId }) => workerId)));
  const found: WorkerView[] = [];
  let pageToken = "";
  do {
    const page = await callApi(target, "ListWorkers", { pageSize: 500, pageToken });
    found.push(...page.workers.filter(({ workerId }) => names.has(workerId)));
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return found;
}

export const jobBugReportCommand = buildCommand<GlobalFlags, [string], CliContext>({
  func: command(reportBug),
  parameters: { flags: globalFlags, positional: jobArgument },
  docs: {
    brief: "Write a page of Markdown about a job that went wrong",
    fullDescription:
      "Summary, tasks, attempts with their causes, the last lines of what did not succeed, the " +
      "workers and the child jobs. What looks like a secret is left out; read it before you " +
      "send it to anybody.",
  },
});
