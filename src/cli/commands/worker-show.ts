/**
 * `capstan worker show ID`: one worker, what runs there and what it offers.
 *
 * @module
 */

import { buildCommand } from "@stricli/core";
import { formatMemory, formatResources } from "../../model/format-quantities.ts";
import { callApi } from "../api.ts";
import { type CliContext, command, exitCodes, type Terminal } from "../context.ts";
import { type GlobalFlags, globalFlags, targetOf } from "../global-flags.ts";
import { workerArgument } from "../id-argument.ts";
import { alignColumns, paintFor, paintState, printJson, printLines } from "../print.ts";
import type { WorkerView } from "../responses.ts";

async function showWorker(terminal: Terminal, flags: GlobalFlags, id: string): Promise<number> {
  const target = targetOf(flags, terminal);
  const response = await callApi(target, "GetWorkerStatus", { workerId: id });
  if (flags.json) printJson(terminal, response);
  else printLines(terminal, describeWorker(terminal, response.worker));
  return exitCodes.ok;
}

function describeWorker(terminal: Terminal, worker: WorkerView): readonly string[] {
  const paint = paintFor(terminal);
  const attributes = Object.entries(worker.attributes).map(([key, value]) => `${key}=${value}`);
  const rows = [
    ["state", paintState(paint, worker.state)],
    ["reason", worker.stateReason],
    ["address", worker.address],
    ["incarnation", worker.incarnation],
    ["last heard", worker.lastHeartbeatAt ?? "never"],
    ["attributes", attributes.join(", ")],
    ["total", formatResources(worker.total)],
    ["committed", formatResources(worker.committed)],
    ["held", formatResources(worker.held)],
    ["available", formatResources(worker.available)],
    ["values", describeValues(worker)],
    ["moved", describeMoves(worker)],
    ["memory used", formatMemory(worker.rssBytes)],
    ["processes", describeProcesses(worker)],
    ["stopping", worker.stoppingAttemptIds.join(", ")],
  ].filter(([, value]) => value !== "");
  const running = worker.runningTaskIds.map((id) => `    ${id}`);
  return [
    paint.bold(worker.workerId),
    ...alignColumns(rows).map((line) => `  ${line}`),
    ...(running.length === 0 ? [] : [paint.dim(`  ${running.length} running`), ...running]),
  ];
}

function describeValues({ heldValueBytes, spilledBytes }: WorkerView): string {
  const held = formatMemory(heldValueBytes);
  return spilledBytes === 0 ? held : `${held}, ${formatMemory(spilledBytes)} of them on the disk`;
}

/** Of those that run functions; "" where none ever did. */
function describeProcesses(worker: WorkerView): string {
  const { processCount, processBytes, processRecycledCount } = worker;
  if (processCount + processRecycledCount === 0) return "";
  const now = `${processCount} of functions (${formatMemory(processBytes)})`;
  return processRecycledCount === 0 ? now : `${now}, ${processRecycledCount} replaced`;
}

/** What was done with values since the process began; "" if nothing was. */
function describeMoves(worker: WorkerView): string {
  const { spillCount, loadCount, spillFailureCount, fetchCount, fetchedBytes } = worker;
  return [
    spillCount > 0 ? `${spillCount} to the disk` : "",
    loadCount > 0 ? `${loadCount} back` : "",
    spillFailureCount > 0 ? `${spillFailureCount} failures of the disk` : "",
    fetchCount > 0 ? `${fetchCount} from other workers (${formatMemory(fetchedBytes)})` : "",
  ]
    .filter((part) => part !== "")
    .join(", ");
}

export const workerShowCommand = buildCommand<GlobalFlags, [string], CliContext>({
  func: command(showWorker),
  parameters: { flags: globalFlags, positional: workerArgument },
  docs: { brief: "Show one worker, what runs there and what it offers" },
});
