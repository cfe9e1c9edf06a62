/**
 * `capstan task story ID`: everything that happened to one task, oldest first.
 *
 * @module
 */

import { buildCommand } from "@stricli/core";
import { callApi } from "../api.ts";
import { type CliContext, command, exitCodes, type Terminal } from "../context.ts";
import { type GlobalFlags, globalFlags, targetOf } from "../global-flags.ts";
import { idArgument } from "../id-argument.ts";
import { paintFor, printJson, printLines } from "../print.ts";
import { describeEvent } from "../print-events.ts";
import { askAbout } from "../resolve-id.ts";

async function tellStory(terminal: Terminal, flags: GlobalFlags, id: string): Promise<number> {
  const target = targetOf(flags, terminal);
  const response = await askAbout(target, id, (id) => callApi(target, "GetStory", { id }));
  const paint = paintFor(terminal);
  if (flags.json) printJson(terminal, response);
  else
    printLines(
      terminal,
      response.events.map((event) => describeEvent(paint, event)),
    );
  return exitCodes.ok;
}

export const taskStoryCommand = buildCommand<GlobalFlags, [string], CliContext>({
  func: command(tellStory),
  parameters: { flags: globalFlags, positional: idArgument },
  docs: { brief: "Tell everything that happened to one task" },
});
