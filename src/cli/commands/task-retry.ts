/**
 * `capstan task retry ID`: another try of a failed task, and of the failed tasks before it.
 *
 * @module
 */

import { buildCommand } from "@stricli/core";
import { callApi } from "../api.ts";
import { type CliContext, command, exitCodes, type Terminal } from "../context.ts";
import { type GlobalFlags, globalFlags, targetOf } from "../global-flags.ts";
import { idArgument } from "../id-argument.ts";
import { printJson, printLines } from "../print.ts";
import { askAbout } from "../resolve-id.ts";
import type { Responses } from "../responses.ts";

async function retryTask(terminal: Terminal, flags: GlobalFlags, id: string): Promise<number> {
  const target = targetOf(flags, terminal);
  const response = await askAbout(target, id, (taskId) => callApi(target, "RetryTask", { taskId }));
  if (flags.json) printJson(terminal, response);
  else printLines(terminal, [describe(response)]);
  return exitCodes.ok;
}

function describe({ taskId, state, retriedCount }: Responses["RetryTask"]): string {
  if (retriedCount === 0) return `nothing to do: ${taskId} is ${state}`;
  if (retriedCount === 1) return `${taskId} runs again`;
  return `${taskId} runs again, with ${retriedCount - 1} failed before it`;
}

export const taskRetryCommand = buildCommand<GlobalFlags, [string], CliContext>({
  func: command(retryTask),
  parameters: { flags: globalFlags, positional: idArgument },
  docs: { brief: "Run a failed task again, with the failed tasks that it depends on" },
});
