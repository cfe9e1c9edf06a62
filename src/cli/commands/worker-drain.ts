/**
 * `capstan worker drain ID` and `undrain ID`: a worker is to give up its work, or not any more.
 *
 * @module
 */

import { buildCommand } from "@stricli/core";
import { callApi } from "../api.ts";
import { type CliContext, command, exitCodes, type Terminal } from "../context.ts";
import { describeOpened } from "../describe-opened.ts";
import { type GlobalFlags, globalFlags, parseText, targetOf } from "../global-flags.ts";
import { workerArgument } from "../id-argument.ts";
import { parseDurationText } from "../parse-job-flags.ts";
import { printJson, printLines } from "../print.ts";
import { exitCodeOfDrained, waitUntilDrained } from "../wait-drained.ts";

interface DrainFlags extends GlobalFlags {
  readonly deadline?: string;
  readonly wait?: boolean;
}

async function drain(terminal: Terminal, flags: DrainFlags, workerId: string): Promise<number> {
  const deadline =
    flags.deadline === undefined ? 0 : parseDurationText("--deadline", flags.deadline);
  const request = { workerId, drain: true, deadline };
  const target = targetOf(flags, terminal);
  const response = await callApi(target, "DrainWorker", request);
  if (flags.wait === true) return waitForDrain(terminal, flags, workerId);
  const end = deadline === 0 ? "end by itself" : `end, at most ${flags.deadline}`;
  if (flags.json) printJson(terminal, response);
  else
    printLines(terminal, [
      `${workerId} takes no new work; what runs there may ${end}, and what only it holds is copied`,
      "`capstan worker list` says when it is drained",
    ]);
  return exitCodes.ok;
}

async function waitForDrain(
  terminal: Terminal,
  flags: DrainFlags,
  workerId: string,
): Promise<number> {
  const worker = await waitUntilDrained(terminal, targetOf(flags, terminal), workerId);
  if (flags.json) printJson(terminal, { worker });
  else printLines(terminal, [`${workerId} is ${worker.stateReason}`]);
  return exitCodeOfDrained(worker);
}

async function undrain(terminal: Terminal, flags: GlobalFlags, workerId: string): Promise<number> {
  const request = { workerId, drain: false };
  const response = await callApi(targetOf(flags, terminal), "DrainWorker", request);
  if (flags.json) printJson(terminal, response);
  else printLines(terminal, [describeOpened(response.worker)]);
  return exitCodes.ok;
}

export const workerDrainCommand = buildCommand<DrainFlags, [string], CliContext>({
  func: command(drain),
  parameters: {
    flags: {
      ...globalFlags,
      deadline: {
        kind: "parsed",
        parse: parseText,
        optional: true,
        placeholder: "DURATION",
        brief: 'Stop what still runs then, such as "10m" [never]',
      },
      wait: {
        kind: "boolean",
        optional: true,
        withNegated: false,
        brief: "Return when it is drained: 0, or 1 if values were given up",
      },
    },
    positional: workerArgument,
  },
  docs: { brief: "Give a worker no new work, and stop what runs there at a deadline" },
});

export const workerUndrainCommand = buildCommand<GlobalFlags, [string], CliContext>({
  func: command(undrain),
  parameters: { flags: globalFlags, positional: workerArgument },
  docs: { brief: "Take back a drain" },
});
