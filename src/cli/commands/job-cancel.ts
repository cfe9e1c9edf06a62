/**
 * `capstan job cancel ID`: ends a job and its children.
 *
 * @module
 */

import { buildCommand } from "@stricli/core";
import { callApi } from "../api.ts";
import { type CliContext, command, exitCodes, type Terminal } from "../context.ts";
import { type GlobalFlags, globalFlags, parseText, targetOf } from "../global-flags.ts";
import { jobArgument } from "../id-argument.ts";
import { printJson, printLines } from "../print.ts";
import { resolveJobId } from "../resolve-id.ts";
import type { Responses } from "../responses.ts";

interface CancelFlags extends GlobalFlags {
  readonly reason?: string;
}

async function cancelJob(terminal: Terminal, flags: CancelFlags, id: string): Promise<number> {
  const target = targetOf(flags, terminal);
  const jobId = await resolveJobId(target, id);
  const response = await callApi(target, "TerminateJob", {
    jobId,
    ...(flags.reason === undefined ? {} : { reason: flags.reason }),
  });
  if (flags.json) printJson(terminal, response);
  else printLines(terminal, [describe(response)]);
  return exitCodes.ok;
}

function describe({ jobId, terminated, state }: Responses["TerminateJob"]): string {
  if (!terminated) return `${jobId} had ended before: ${state}`;
  return `cancelled ${jobId}; capstan job wait ${jobId} waits for its end`;
}

export const jobCancelCommand = buildCommand<CancelFlags, [string], CliContext>({
  func: command(cancelJob),
  parameters: {
    flags: {
      ...globalFlags,
      reason: {
        kind: "parsed",
        parse: parseText,
        optional: true,
        placeholder: "TEXT",
        brief: "Why, for whoever looks at the job later",
      },
    },
    positional: jobArgument,
  },
  docs: { brief: "Cancel a job and its children" },
});
