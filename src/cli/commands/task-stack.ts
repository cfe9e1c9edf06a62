/**
 * `capstan task stack ID`: where a task is that runs.
 *
 * @module
 */

import { buildCommand } from "@stricli/core";
import { callApi } from "../api.ts";
import { type CliContext, command, exitCodes, type Terminal } from "../context.ts";
import { describeStack } from "../describe-stack.ts";
import { type GlobalFlags, globalFlags, targetOf } from "../global-flags.ts";
import { idArgument } from "../id-argument.ts";
import { paintFor, printJson, printLines } from "../print.ts";
import { askAbout } from "../resolve-id.ts";

async function showStack(terminal: Terminal, flags: GlobalFlags, id: string): Promise<number> {
  const target = targetOf(flags, terminal);
  const ask = (taskId: string) => callApi(target, "GetTaskStack", { taskId });
  const response = await askAbout(target, id, ask);
  if (flags.json) printJson(terminal, response);
  else printLines(terminal, describeStack(paintFor(terminal), response));
  return response.available ? exitCodes.ok : exitCodes.found;
}

export const taskStackCommand = buildCommand<GlobalFlags, [string], CliContext>({
  func: command(showStack),
  parameters: { flags: globalFlags, positional: idArgument },
  docs: { brief: "Show where a task is that runs: its stack, or its processes and last lines" },
});
