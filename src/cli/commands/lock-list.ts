/**
 * `capstan lock list`: who holds which lock, for how long yet, and who waits.
 *
 * @module
 */

import { buildCommand } from "@stricli/core";
import { callApi } from "../api.ts";
import { type CliContext, command, exitCodes, type Terminal } from "../context.ts";
import { type GlobalFlags, parseName, targetOf } from "../global-flags.ts";
import { type PageFlags, pageFlags, pageRequest, sayNextPage } from "../paging.ts";
import { printJson, printTable } from "../print.ts";

interface LockFlags extends GlobalFlags, PageFlags {
  readonly user?: string;
}

async function listLocks(terminal: Terminal, flags: LockFlags): Promise<number> {
  const response = await callApi(targetOf(flags, terminal), "ListLocks", {
    ...pageRequest(flags),
    ...(flags.user === undefined ? {} : { user: flags.user }),
  });
  if (flags.json) {
    printJson(terminal, response);
    return exitCodes.ok;
  }
  printTable(
    terminal,
    ["USER", "NAME", "HELD BY", "SINCE", "LEASE", "TOKEN", "WAIT"],
    response.locks.map((lock) => [
      ...[lock.user, lock.name, lock.holderJobId, lock.grantedAt ?? ""],
      ...[`${Math.round(lock.leaseLeftMs / 1000)} s`, String(lock.token)],
      lock.waitingJobIds.join(" "),
    ]),
  );
  sayNextPage(terminal, response.nextPageToken);
  return exitCodes.ok;
}

export const lockListCommand = buildCommand<LockFlags, [], CliContext>({
  func: command(listLocks),
  parameters: {
    flags: {
      ...pageFlags,
      user: { kind: "parsed", parse: parseName, optional: true, brief: "Only those of this user" },
    },
  },
  docs: { brief: "List locks that are held" },
});
