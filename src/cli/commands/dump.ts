/**
 * `capstan dump [FILE]`: everything that a live cluster knows in one file, without secrets, which
 * `capstan replay FILE` opens.
 *
 * @module
 */

import { buildCommand } from "@stricli/core";
import { downloadDump } from "../api.ts";
import { type CliContext, command, exitCodes, type Terminal } from "../context.ts";
import { type GlobalFlags, globalFlags, parseText, targetOf } from "../global-flags.ts";
import { printJson, printLines } from "../print.ts";

async function dump(terminal: Terminal, flags: GlobalFlags, given?: string): Promise<number> {
  const file = given ?? `capstan-${new Date().toISOString().replaceAll(/[:.]/g, "-")}.dump`;
  const bytes = await downloadDump(targetOf(flags, terminal), file);
  if (flags.json) printJson(terminal, { file, bytes });
  else {
    const what = "it has no tokens, no environment and no arguments of tasks";
    printLines(terminal, [
      `wrote ${file}, ${bytes} bytes: ${what}`,
      `capstan replay ${file} --serve opens it`,
    ]);
  }
  return exitCodes.ok;
}

export const dumpCommand = buildCommand<GlobalFlags, [string?], CliContext>({
  func: command(dump),
  parameters: {
    flags: globalFlags,
    positional: {
      kind: "tuple",
      parameters: [
        {
          parse: parseText,
          placeholder: "FILE",
          brief: "Where to write it; there must be no such file [a name with the time]",
          optional: true,
        },
      ],
    },
  },
  docs: { brief: "Write everything that a live cluster knows into one file, without secrets" },
});
