/**
 * `capstan value rebalance`: moves values from workers that hold much to those that hold little.
 *
 * @module
 */

import { buildCommand } from "@stricli/core";
import { counted, formatMemory } from "../../model/format-quantities.ts";
import { callApi } from "../api.ts";
import { type CliContext, command, exitCodes, type Terminal } from "../context.ts";
import { type GlobalFlags, globalFlags, targetOf } from "../global-flags.ts";
import { printJson, printLines } from "../print.ts";
import type { Responses } from "../responses.ts";

async function rebalance(terminal: Terminal, flags: GlobalFlags): Promise<number> {
  const response = await callApi(targetOf(flags, terminal), "RebalanceValues", {});
  if (flags.json) printJson(terminal, response);
  else printLines(terminal, [describe(response)]);
  return exitCodes.ok;
}

function describe(done: Responses["RebalanceValues"]): string {
  const { valueCount, valueBytes, workerCount } = done;
  if (valueCount === 0) return "no value is worth moving";
  const values = `${counted(valueCount, "value")} (${formatMemory(valueBytes)})`;
  return `${values} begin to move from ${counted(workerCount, "worker")}`;
}

export const valueRebalanceCommand = buildCommand<GlobalFlags, [], CliContext>({
  func: command(rebalance),
  parameters: { flags: globalFlags },
  docs: { brief: "Move values from workers that hold much to those that hold little" },
});
