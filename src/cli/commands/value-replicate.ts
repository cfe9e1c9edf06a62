/**
 * `capstan value replicate ID --copies N`: on how many workers the value of a task is to be.
 *
 * @module
 */

import { buildCommand } from "@stricli/core";
import { counted } from "../../model/format-quantities.ts";
import { callApi } from "../api.ts";
import { type CliContext, command, exitCodes, type Terminal } from "../context.ts";
import { type GlobalFlags, globalFlags, targetOf } from "../global-flags.ts";
import { idArgument } from "../id-argument.ts";
import { parseCount } from "../parse-flags.ts";
import { printJson, printLines } from "../print.ts";
import { askAbout } from "../resolve-id.ts";
import type { Responses } from "../responses.ts";

interface ReplicateFlags extends GlobalFlags {
  readonly copies: number;
}

async function replicate(terminal: Terminal, flags: ReplicateFlags, id: string): Promise<number> {
  const target = targetOf(flags, terminal);
  const { copies } = flags;
  const response = await askAbout(target, id, (taskId) =>
    callApi(target, "ReplicateValue", { taskId, copies }),
  );
  if (flags.json) printJson(terminal, response);
  else printLines(terminal, [describe(response)]);
  return exitCodes.ok;
}

function describe({ taskId, copies, workerIds }: Responses["ReplicateValue"]): string {
  const now = workerIds.length === 0 ? "nobody has it yet" : `now on ${workerIds.join(", ")}`;
  return `the value of ${taskId} is to be on ${counted(copies, "worker")}; ${now}`;
}

export const valueReplicateCommand = buildCommand<ReplicateFlags, [string], CliContext>({
  func: command(replicate),
  parameters: {
    flags: {
      ...globalFlags,
      copies: {
        kind: "parsed",
        parse: parseCount,
        placeholder: "N",
        brief: "On how many workers; 1 is what is usual",
      },
    },
    positional: idArgument,
  },
  docs: { brief: "Keep the value of a task on several workers" },
});
