/**
 * `capstan restart`: ends what all sessions have submitted, and makes what runs functions anew.
 *
 * @module
 */

import { buildCommand } from "@stricli/core";
import { counted } from "../../model/format-quantities.ts";
import { callApi } from "../api.ts";
import { type CliContext, command, exitCodes, type Terminal } from "../context.ts";
import { type GlobalFlags, globalFlags, parseText, targetOf } from "../global-flags.ts";
import { printJson, printLines } from "../print.ts";
import type { Responses } from "../responses.ts";

interface RestartFlags extends GlobalFlags {
  readonly reason?: string;
}

async function restart(terminal: Terminal, flags: RestartFlags): Promise<number> {
  const { reason = "" } = flags;
  const response = await callApi(targetOf(flags, terminal), "RestartCluster", { reason });
  if (flags.json) printJson(terminal, response);
  else printLines(terminal, describe(response));
  return exitCodes.ok;
}

function describe(done: Responses["RestartCluster"]): readonly string[] {
  const { taskCount, valueCount, lockCount, sessionCount, workerCount } = done;
  return [
    `cancelled ${counted(taskCount, "task")} of ${counted(sessionCount, "session")}, dropped ` +
      `${counted(valueCount, "value")} and ${counted(lockCount, "lock")}`,
    `what runs functions is made anew on ${counted(workerCount, "worker")}; ` +
      "on those that are away when they come back",
    "launched jobs and published values stay",
  ];
}

export const restartCommand = buildCommand<RestartFlags, [], CliContext>({
  func: command(restart),
  parameters: {
    flags: {
      ...globalFlags,
      reason: {
        kind: "parsed",
        parse: parseText,
        optional: true,
        placeholder: "TEXT",
        brief: "Why, for everybody whose task ends",
      },
    },
  },
  docs: { brief: "End what all sessions have submitted, and make what runs functions anew" },
});
