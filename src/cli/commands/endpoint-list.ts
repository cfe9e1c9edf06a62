/**
 * `capstan endpoint list`: the names under which running tasks can be reached.
 *
 * @module
 */

import { buildCommand } from "@stricli/core";
import { callApi } from "../api.ts";
import { type CliContext, command, exitCodes, type Terminal } from "../context.ts";
import { type GlobalFlags, parseText, targetOf } from "../global-flags.ts";
import { type PageFlags, pageFlags, pageRequest, sayNextPage } from "../paging.ts";
import { printJson, printTable } from "../print.ts";

interface EndpointFlags extends GlobalFlags, PageFlags {
  readonly prefix?: string;
}

async function listEndpoints(terminal: Terminal, flags: EndpointFlags): Promise<number> {
  const response = await callApi(targetOf(flags, terminal), "ListEndpoints", {
    ...pageRequest(flags),
    ...(flags.prefix === undefined ? {} : { prefix: flags.prefix }),
  });
  if (flags.json) {
    printJson(terminal, response);
    return exitCodes.ok;
  }
  printTable(
    terminal,
    ["NAME", "ADDRESS", "TASK", "ATTEMPT", "EXPIRES"],
    response.endpoints.map(({ name, address, taskId, attemptId, expiresAt }) => [
      ...[name, address, taskId, attemptId, expiresAt ?? ""],
    ]),
  );
  sayNextPage(terminal, response.nextPageToken);
  return exitCodes.ok;
}

export const endpointListCommand = buildCommand<EndpointFlags, [], CliContext>({
  func: command(listEndpoints),
  parameters: {
    flags: {
      ...pageFlags,
      prefix: {
        kind: "parsed",
        parse: parseText,
        optional: true,
        brief: "Only names that begin so",
      },
    },
  },
  docs: { brief: "List the names under which running tasks can be reached" },
});
