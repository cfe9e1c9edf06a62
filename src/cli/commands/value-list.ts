/**
 * `capstan value list`: values that have a name.
 *
 * @module
 */

import { buildCommand } from "@stricli/core";
import { callApi } from "../api.ts";
import { type CliContext, command, exitCodes, type Terminal } from "../context.ts";
import { type GlobalFlags, parseName, targetOf } from "../global-flags.ts";
import { valueHoldersShownMax as holdersShownMax } from "../limits.ts";
import { type PageFlags, pageFlags, pageRequest, sayNextPage } from "../paging.ts";
import { printJson, printTable } from "../print.ts";

interface ValueFlags extends GlobalFlags, PageFlags {
  readonly user?: string;
}

async function listValues(terminal: Terminal, flags: ValueFlags): Promise<number> {
  const response = await callApi(targetOf(flags, terminal), "ListPublishedValues", {
    ...pageRequest(flags),
    ...(flags.user === undefined ? {} : { user: flags.user }),
  });
  if (flags.json) {
    printJson(terminal, response);
    return exitCodes.ok;
  }
  printTable(
    terminal,
    ["USER", "NAME", "STATE", "BYTES", "HELD BY", "TASK", "PUBLISHED"],
    response.values.map(({ user, name, state, valueBytes, workerIds, taskId, publishedAt }) => [
      ...[user, name, state, String(valueBytes), holders(workerIds), taskId, publishedAt ?? ""],
    ]),
  );
  sayNextPage(terminal, response.nextPageToken);
  return exitCodes.ok;
}

/** A broadcast value is on every worker: the rest is counted, and `--json` has them all. */
function holders(workerIds: readonly string[]): string {
  const shown = workerIds.slice(0, holdersShownMax).join(" ");
  const rest = workerIds.length - holdersShownMax;
  return rest > 0 ? `${shown} and ${rest} more` : shown;
}

export const valueListCommand = buildCommand<ValueFlags, [], CliContext>({
  func: command(listValues),
  parameters: {
    flags: {
      ...pageFlags,
      user: { kind: "parsed", parse: parseName, optional: true, brief: "Only those of this user" },
    },
  },
  docs: { brief: "List published values" },
});
