/**
 * `capstan value unpublish NAME`: the name is free again, and what only it wanted goes.
 *
 * @module
 */

import { buildCommand } from "@stricli/core";
import { callApi } from "../api.ts";
import { type CliContext, command, exitCodes, type Terminal } from "../context.ts";
import { type GlobalFlags, globalFlags, parseName, targetOf } from "../global-flags.ts";
import { idOf } from "../id-argument.ts";
import { printJson, printLines } from "../print.ts";

interface UnpublishFlags extends GlobalFlags {
  readonly user?: string;
}

async function unpublish(terminal: Terminal, flags: UnpublishFlags, name: string): Promise<number> {
  const response = await callApi(targetOf(flags, terminal), "UnpublishValue", {
    name,
    ...(flags.user === undefined ? {} : { user: flags.user }),
  });
  if (flags.json) printJson(terminal, response);
  else printLines(terminal, [`unpublished ${response.name} of ${response.user}`]);
  return exitCodes.ok;
}

export const valueUnpublishCommand = buildCommand<UnpublishFlags, [string], CliContext>({
  func: command(unpublish),
  parameters: {
    flags: {
      ...globalFlags,
      user: {
        kind: "parsed",
        parse: parseName,
        optional: true,
        brief: "Whose name it is, for an administrator",
      },
    },
    positional: idOf("Name of the value, from capstan value list"),
  },
  docs: { brief: "Free the name of a published value" },
});
