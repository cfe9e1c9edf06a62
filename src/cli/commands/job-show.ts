/**
 * `capstan job show ID`: one job, where it stands, and its first tasks.
 *
 * @module
 */

import { buildCommand } from "@stricli/core";
import { callApi } from "../api.ts";
import { type CliContext, command, exitCodes, type Terminal } from "../context.ts";
import { describeJob, taskHeader, taskRow } from "../describe-job.ts";
import { type GlobalFlags, globalFlags, targetOf } from "../global-flags.ts";
import { jobArgument } from "../id-argument.ts";
import { announceMore, printJson, printLines, printTable } from "../print.ts";
import { resolveJobId } from "../resolve-id.ts";

async function showJob(terminal: Terminal, flags: GlobalFlags, id: string): Promise<number> {
  const target = targetOf(flags, terminal);
  const jobId = await resolveJobId(target, id);
  const response = await callApi(target, "GetJobStatus", { jobId });
  if (flags.json) {
    printJson(terminal, response);
    return exitCodes.ok;
  }
  const { job, tasks } = response;
  printLines(terminal, [...describeJob(terminal, job), ""]);
  printTable(
    terminal,
    taskHeader,
    tasks.map((task) => taskRow(terminal, task)),
  );
  announceMore(terminal, job.replicas - tasks.length, `capstan job summary ${jobId}`);
  return exitCodes.ok;
}

export const jobShowCommand = buildCommand<GlobalFlags, [string], CliContext>({
  func: command(showJob),
  parameters: { flags: globalFlags, positional: jobArgument },
  docs: { brief: "Show one job, where it stands, and its first tasks" },
});
