/**
 * `capstan token list`: the tokens, without their secrets.
 *
 * @module
 */

import { buildCommand } from "@stricli/core";
import { callApi } from "../api.ts";
import { type CliContext, command, exitCodes, type Terminal } from "../context.ts";
import { type GlobalFlags, targetOf } from "../global-flags.ts";
import { type PageFlags, pageFlags, pageRequest, sayNextPage } from "../paging.ts";
import { printJson, printTable } from "../print.ts";
import type { Responses } from "../responses.ts";

type TokenView = Responses["ListTokens"]["tokens"][number];

async function listTokens(terminal: Terminal, flags: GlobalFlags & PageFlags): Promise<number> {
  const response = await callApi(targetOf(flags, terminal), "ListTokens", pageRequest(flags));
  if (flags.json) {
    printJson(terminal, response);
    return exitCodes.ok;
  }
  printTable(
    terminal,
    ["TOKEN", "ROLE", "USER", "STATE", "CREATED", "NOTE"],
    response.tokens.map((token) => [
      ...[token.tokenId, token.role, token.user],
      ...[stateOf(token), token.createdAt ?? "", token.note],
    ]),
  );
  sayNextPage(terminal, response.nextPageToken);
  return exitCodes.ok;
}

function stateOf({ active, expiresAt, revokedAt }: TokenView): string {
  if (revokedAt !== null) return `revoked ${revokedAt}`;
  if (expiresAt === null) return active ? "active" : "ended";
  return `${active ? "until" : "expired"} ${expiresAt}`;
}

export const tokenListCommand = buildCommand<GlobalFlags & PageFlags, [], CliContext>({
  func: command(listTokens),
  parameters: { flags: pageFlags },
  docs: { brief: "List the tokens that you may see, without their secrets" },
});
