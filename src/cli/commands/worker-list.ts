/**
 * `capstan worker list`: the workers and what of them is in use.
 *
 * @module
 */

import { buildCommand } from "@stricli/core";
import { formatResources } from "../../model/format-quantities.ts";
import { callApi } from "../api.ts";
import { type CliContext, command, exitCodes, type Terminal } from "../context.ts";
import { type GlobalFlags, globalFlags, targetOf } from "../global-flags.ts";
import { paintFor, paintState, printJson, printTable } from "../print.ts";
import type { WorkerView } from "../responses.ts";

async function listWorkers(terminal: Terminal, flags: GlobalFlags): Promise<number> {
  const response = await callApi(targetOf(flags, terminal), "ListWorkers");
  if (flags.json) printJson(terminal, response);
  else
    printTable(
      terminal,
      header,
      response.workers.map((worker) => rowOf(terminal, worker)),
    );
  return exitCodes.ok;
}

const header = ["WORKER", "STATE", "ADDRESS", "RUNNING", "COMMITTED", "TOTAL", "REASON"];

function rowOf(terminal: Terminal, worker: WorkerView): readonly string[] {
  return [
    worker.workerId,
    paintState(paintFor(terminal), worker.state),
    worker.address,
    String(worker.runningTaskIds.length),
    formatResources(worker.committed),
    formatResources(worker.total),
    worker.stateReason,
  ];
}

export const workerListCommand = buildCommand<GlobalFlags, [], CliContext>({
  func: command(listWorkers),
  parameters: { flags: globalFlags },
  docs: { brief: "List the workers and what of them is in use" },
});
