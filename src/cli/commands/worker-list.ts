/**
 * `capstan worker list`: the workers and what of them is in use.
 *
 * @module
 */

import { buildCommand } from "@stricli/core";
import { formatResources } from "../../model/format-quantities.ts";
import { callApi } from "../api.ts";
import { type CliContext, command, exitCodes, type Terminal } from "../context.ts";
import { type GlobalFlags, targetOf } from "../global-flags.ts";
import { type PageFlags, pageFlags, pageRequest, sayNextPage } from "../paging.ts";
import { paintFor, paintState, printJson, printTable } from "../print.ts";
import type { WorkerView } from "../responses.ts";

async function listWorkers(terminal: Terminal, flags: GlobalFlags & PageFlags): Promise<number> {
  const response = await callApi(targetOf(flags, terminal), "ListWorkers", pageRequest(flags));
  if (flags.json) {
    printJson(terminal, response);
    return exitCodes.ok;
  }
  printTable(
    terminal,
    header,
    response.workers
      .toSorted((a, b) => byName.compare(a.workerId, b.workerId))
      .map((worker) => rowOf(terminal, worker)),
  );
  sayNextPage(terminal, response.nextPageToken);
  return exitCodes.ok;
}

const byName = new Intl.Collator("en", { numeric: true });

const header = ["WORKER", "STATE", "ADDRESS", "RUNNING", "COMMITTED", "TOTAL", "REASON"];

function rowOf(terminal: Terminal, worker: WorkerView): readonly string[] {
  return [
    worker.workerId,
    paintState(paintFor(terminal), worker.state),
    worker.address,
    String(worker.runningTaskIds.length),
    formatResources(worker.committed),
    formatResources(worker.total),
    worker.stateReason === "" ? describeHeld(worker) : worker.stateReason,
  ];
}

/** What is free and yet not for everybody. */
function describeHeld({ held }: WorkerView): string {
  const amount = formatResources(held);
  return amount === "nothing" ? "" : `keeps ${amount} for work that waits`;
}

export const workerListCommand = buildCommand<GlobalFlags & PageFlags, [], CliContext>({
  func: command(listWorkers),
  parameters: { flags: pageFlags },
  docs: { brief: "List the workers and what of them is in use" },
});
