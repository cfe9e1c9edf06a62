/**
 * `capstan job retry ID`: another try of what failed of a job.
 *
 * @module
 */

import { buildCommand } from "@stricli/core";
import { callApi } from "../api.ts";
import { type CliContext, command, exitCodes, type Terminal } from "../context.ts";
import { type GlobalFlags, globalFlags, targetOf } from "../global-flags.ts";
import { jobArgument } from "../id-argument.ts";
import { printJson, printLines } from "../print.ts";
import { resolveJobId } from "../resolve-id.ts";
import type { Responses } from "../responses.ts";

async function retryJob(terminal: Terminal, flags: GlobalFlags, id: string): Promise<number> {
  const target = targetOf(flags, terminal);
  const jobId = await resolveJobId(target, id);
  const response = await callApi(target, "RetryJob", { jobId });
  if (flags.json) printJson(terminal, response);
  else printLines(terminal, [describe(response)]);
  return exitCodes.ok;
}

function describe({ jobId, state, relaunched, retriedCount }: Responses["RetryJob"]): string {
  if (retriedCount === 0) return `nothing to do: ${jobId} is ${state}, and no task of it failed`;
  const tasks = retriedCount === 1 ? "1 task runs" : `${retriedCount} tasks run`;
  const what = relaunched ? "it had ended, and is launched again, whole" : `${tasks} again`;
  return `${jobId}: ${what}; capstan job wait ${jobId} waits for its end`;
}

export const jobRetryCommand = buildCommand<GlobalFlags, [string], CliContext>({
  func: command(retryJob),
  parameters: { flags: globalFlags, positional: jobArgument },
  docs: { brief: "Run again what failed of a job; launch one that has ended again" },
});
