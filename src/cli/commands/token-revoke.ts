/**
 * `capstan token revoke ID`: the token never works again.
 *
 * @module
 */

import { buildCommand } from "@stricli/core";
import { callApi } from "../api.ts";
import { type CliContext, command, exitCodes, type Terminal } from "../context.ts";
import { type GlobalFlags, globalFlags, targetOf } from "../global-flags.ts";
import { idOf } from "../id-argument.ts";
import { printJson, printLines } from "../print.ts";

async function revoke(terminal: Terminal, flags: GlobalFlags, tokenId: string): Promise<number> {
  const response = await callApi(targetOf(flags, terminal), "RevokeToken", { tokenId });
  if (flags.json) printJson(terminal, response);
  else printLines(terminal, [`revoked ${tokenId}`]);
  return exitCodes.ok;
}

export const tokenRevokeCommand = buildCommand<GlobalFlags, [string], CliContext>({
  func: command(revoke),
  parameters: { flags: globalFlags, positional: idOf("Id of the token, from capstan token list") },
  docs: { brief: "Revoke a token for ever" },
});
