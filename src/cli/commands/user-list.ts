/**
 * `capstan user list`: what each user uses and may use.
 *
 * @module
 */

import { buildCommand } from "@stricli/core";
import { formatResources } from "../../model/format-quantities.ts";
import { callApi } from "../api.ts";
import { type CliContext, command, exitCodes, type Terminal } from "../context.ts";
import { type GlobalFlags, targetOf } from "../global-flags.ts";
import { type PageFlags, pageFlags, pageRequest, sayNextPage } from "../paging.ts";
import { printJson, printTable } from "../print.ts";
import type { UserView } from "../responses.ts";

async function listUsers(terminal: Terminal, flags: GlobalFlags & PageFlags): Promise<number> {
  const response = await callApi(targetOf(flags, terminal), "ListUsers", pageRequest(flags));
  if (flags.json) {
    printJson(terminal, response);
    return exitCodes.ok;
  }
  printTable(terminal, header, response.users.map(rowOf));
  sayNextPage(terminal, response.nextPageToken);
  return exitCodes.ok;
}

const header = [
  ...["USER", "WEIGHT", "SPEND", "BUDGET", "BEST BAND", "RUNNING", "PENDING", "CAP"],
] as const;

function rowOf(user: UserView): readonly string[] {
  return [
    user.user,
    String(user.weight),
    user.overBudget ? `${user.spend} (over)` : String(user.spend),
    user.budget === 0 ? "unlimited" : String(user.budget),
    user.bandMax.toLowerCase(),
    String(user.runningTaskCount),
    String(user.pendingTaskCount),
    user.cap === null ? "" : formatResources(user.cap),
  ];
}

export const userListCommand = buildCommand<GlobalFlags & PageFlags, [], CliContext>({
  func: command(listUsers),
  parameters: { flags: pageFlags },
  docs: { brief: "List what each user uses and may use" },
});
