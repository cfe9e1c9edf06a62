/**
 * Waiting until a worker that was told to empty itself is drained, with what it still waits for.
 *
 * @module
 */

import { CapstanError } from "../model/errors.ts";
import { exitCodes, type Terminal } from "./context.ts";
import { watchPauseMsMax, watchPauseMsMin } from "./limits.ts";
import { PatientCalls, pause } from "./patient-calls.ts";
import type { WorkerView } from "./responses.ts";

type Target = ConstructorParameters<typeof PatientCalls>[0]["target"];

/**
 * Resolves with the worker once it is drained; outlives restarts of the controller.
 *
 * @throws CapstanError CONFLICT if the worker is lost or the drain is taken back before.
 */
export async function waitUntilDrained(
  terminal: Terminal,
  target: Target,
  workerId: string,
): Promise<WorkerView> {
  const notify = (message: string) => terminal.stderr.write(`capstan: ${message}\n`);
  const calls = new PatientCalls({ target, deadlineMs: Number.POSITIVE_INFINITY, notify });
  let told = "";
  let pauseMs = watchPauseMsMin;
  for (;;) {
    const { worker } = await calls.call("GetWorkerStatus", { workerId });
    if (worker.state !== "DRAINING") throw notDraining(worker);
    if (isDrained(worker)) return worker;
    if (worker.stateReason !== told) notify(`${workerId} is ${worker.stateReason}`);
    told = worker.stateReason;
    await pause(pauseMs);
    pauseMs = Math.min(pauseMs * 1.5, watchPauseMsMax);
  }
}

/** `drained`, or `drained, but 3 values (1 GiB) were not copied in time`. */
function isDrained({ stateReason }: WorkerView): boolean {
  return stateReason.startsWith("drained");
}

/** 1 if the drain gave values up. */
export function exitCodeOfDrained({ stateReason }: WorkerView): number {
  return stateReason === "drained" ? exitCodes.ok : exitCodes.found;
}

function notDraining({ workerId, state, stateReason }: WorkerView): CapstanError {
  const why = stateReason === "" ? "" : `: ${stateReason}`;
  const message = `${workerId} is ${state}${why}; nobody waits for its drain any more`;
  return new CapstanError("CONFLICT", message, { details: { workerId, state } });
}
