/**
 * `capstan worker cordon ID` and `uncordon ID`: a worker gets no new work; what runs there goes on.
 *
 * @module
 */

import { buildCommand } from "@stricli/core";
import { callApi } from "../api.ts";
import { type CliContext, command, exitCodes } from "../context.ts";
import { describeOpened } from "../describe-opened.ts";
import { type GlobalFlags, globalFlags, targetOf } from "../global-flags.ts";
import { workerArgument } from "../id-argument.ts";
import { printJson, printLines } from "../print.ts";
import type { WorkerView } from "../responses.ts";

/** The command for one of the two directions. */
function cordonCommand(cordon: boolean, said: (worker: WorkerView) => string, brief: string) {
  return buildCommand<GlobalFlags, [string], CliContext>({
    func: command<GlobalFlags, [string]>(async (terminal, flags, workerId) => {
      const request = { workerId, cordon };
      const response = await callApi(targetOf(flags, terminal), "CordonWorker", request);
      if (flags.json) printJson(terminal, response);
      else printLines(terminal, [said(response.worker)]);
      return exitCodes.ok;
    }),
    parameters: { flags: globalFlags, positional: workerArgument },
    docs: { brief },
  });
}

export const workerCordonCommand = cordonCommand(
  true,
  ({ workerId }) => `${workerId} takes no new work; what runs there goes on`,
  "Give a worker no new work; what runs there goes on",
);

export const workerUncordonCommand = cordonCommand(false, describeOpened, "Take back a cordon");
