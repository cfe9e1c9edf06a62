/**
 * `capstan job summary ID`: one job with all of its tasks, those that did not succeed first.
 *
 * @module
 */

import { buildCommand } from "@stricli/core";
import { callApi } from "../api.ts";
import { type CliContext, command, exitCodes, type Terminal } from "../context.ts";
import { describeJob, taskHeader, taskRow } from "../describe-job.ts";
import { type GlobalFlags, globalFlags, targetOf } from "../global-flags.ts";
import { jobArgument } from "../id-argument.ts";
import { readTasks } from "../job-tasks.ts";
import { announceMore, printJson, printLines, printTable } from "../print.ts";
import { resolveJobId } from "../resolve-id.ts";

async function summarise(terminal: Terminal, flags: GlobalFlags, id: string): Promise<number> {
  const target = targetOf(flags, terminal);
  const jobId = await resolveJobId(target, id);
  const response = await callApi(target, "GetJobStatus", { jobId });
  if (flags.json) {
    printJson(terminal, response);
    return exitCodes.ok;
  }
  const { tasks, totalCount } = await readTasks(target, jobId);
  const isGood = ({ state }: { state: string }) => Number(state === "SUCCEEDED");
  const sorted = tasks.toSorted((a, b) => isGood(a) - isGood(b) || a.index - b.index);
  printLines(terminal, [...describeJob(terminal, response.job), ""]);
  printTable(
    terminal,
    taskHeader,
    sorted.map((task) => taskRow(terminal, task)),
  );
  announceMore(terminal, totalCount - tasks.length, `capstan task list --job ${jobId}`);
  return exitCodes.ok;
}

export const jobSummaryCommand = buildCommand<GlobalFlags, [string], CliContext>({
  func: command(summarise),
  parameters: { flags: globalFlags, positional: jobArgument },
  docs: { brief: "Show one job with all of its tasks: times, memory, how each one ended" },
});
