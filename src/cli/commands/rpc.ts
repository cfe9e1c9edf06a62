/**
 * `capstan rpc METHOD [JSON]`: any method of the API by name.
 *
 * @module
 */

import { buildCommand } from "@stricli/core";
import { callAnyMethod } from "../api.ts";
import { type CliContext, command, exitCodes, type Terminal } from "../context.ts";
import { type GlobalFlags, globalFlags, parseJson, parseText, targetOf } from "../global-flags.ts";

async function callMethod(
  terminal: Terminal,
  flags: GlobalFlags,
  method: string,
  request = "{}",
): Promise<number> {
  const body = parseJson("the request", request);
  const response = await callAnyMethod(targetOf(flags, terminal), method, body);
  const pretty = terminal.stdout.isTTY === true && !flags.json;
  terminal.stdout.write(`${JSON.stringify(response, null, pretty ? 2 : 0)}\n`);
  return exitCodes.ok;
}

export const rpcCommand = buildCommand<GlobalFlags, [string, string?], CliContext>({
  func: command(callMethod),
  parameters: {
    flags: globalFlags,
    positional: {
      kind: "tuple",
      parameters: [
        { parse: parseText, brief: "Name of the method", placeholder: "METHOD" },
        { parse: parseText, brief: "Request [{}]", placeholder: "JSON", optional: true },
      ],
    },
  },
  docs: {
    brief: "Call any method of the API by name",
    fullDescription:
      "capstan rpc ListTasks '{\"unfinished\":true}' and capstan rpc ListTasks --unfinished true " +
      "say the same: a flag in snake_case that is not one of ours is a field of the request.",
  },
});
