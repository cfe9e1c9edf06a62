/**
 * `capstan task progress FRACTION [NOTE]`: said by a program of the task that it runs as.
 *
 * @module
 */

import { buildCommand } from "@stricli/core";
import { CapstanError } from "../../model/errors.ts";
import { parseProgress } from "../../model/progress.ts";
import { callApi } from "../api.ts";
import { type CliContext, command, exitCodes, type Terminal } from "../context.ts";
import { type GlobalFlags, globalFlags, parseText, targetOf } from "../global-flags.ts";
import { printJson } from "../print.ts";

async function tellProgress(
  terminal: Terminal,
  flags: GlobalFlags,
  fraction: string,
  note = "",
): Promise<number> {
  const { CAPSTAN_TASK_ID: taskId = "", CAPSTAN_ATTEMPT_ID: attemptId = "" } = terminal.env;
  if (taskId === "" || attemptId === "") {
    const message = "task progress is for programs that run as a task: CAPSTAN_TASK_ID is not set";
    throw new CapstanError("INVALID_ARGUMENT", message);
  }
  const progress = parseProgress(fraction.trim() === "" ? fraction : Number(fraction), note);
  const target = targetOf(flags, terminal);
  const response = await callApi(target, "ReportProgress", { taskId, attemptId, ...progress });
  if (flags.json) printJson(terminal, response);
  return exitCodes.ok;
}

export const taskProgressCommand = buildCommand<GlobalFlags, [string, string?], CliContext>({
  func: command(tellProgress),
  parameters: {
    flags: globalFlags,
    positional: {
      kind: "tuple",
      parameters: [
        { parse: parseText, brief: "How much is done, from 0 to 1", placeholder: "FRACTION" },
        { parse: parseText, brief: "A sentence beside it", placeholder: "NOTE", optional: true },
      ],
    },
  },
  docs: { brief: "Say, from inside a task, how far it is" },
});
