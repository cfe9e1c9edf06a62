/**
 * When a worker starts nothing because it is short of memory.
 *
 * Above the pause bound nothing starts and nothing is fetched; what runs goes on. The controller is
 * told, as of any trouble. When memory falls the worker goes on; if it does not for long, what
 * waits here goes back.
 *
 * @module
 */

import { microsPerMs } from "../base/time.ts";
import { formatMemory } from "../model/format-quantities.ts";
import { handBackReason } from "../protocol/messages.ts";
import { healthOf, tellHealth } from "./health.ts";
import { handBackAllUnstarted } from "./inputs.ts";
import { revokeAllQueued } from "./lanes.ts";
import { pauseBoundMs, resumeShare } from "./limits.ts";
import { type Outbox, record } from "./outbox.ts";
import type { Residence } from "./residence.ts";
import type { WorkerState } from "./state.ts";

/** Values count at once, the process when it is measured. */
function memoryInUse({ rssBytes, residentBytes }: Residence): number {
  return Math.max(rssBytes, residentBytes);
}

export function isPressed(residence: Residence): boolean {
  return memoryInUse(residence) > residence.pauseBytes;
}

/** Only well below its bound: else a worker would pause and resume with each value. */
export function isRelieved(residence: Residence): boolean {
  return memoryInUse(residence) <= residence.pauseBytes * resumeShare;
}

/** The worker goes on if there is room again. Goes before anything starts. */
export function resumeIfRelieved(state: WorkerState, out: Outbox): void {
  if (state.pause === null || !isRelieved(state.residence)) return;
  const told = healthOf(state);
  record(state, out, { type: "worker-resumed" });
  tellHealth(state, out, told);
}

/** Nothing starts from here on if there is too little room. */
export function pauseIfPressed(state: WorkerState, out: Outbox): void {
  const { residence } = state;
  if (state.pause !== null || !isPressed(residence)) return;
  const told = healthOf(state);
  const inUse = formatMemory(memoryInUse(residence));
  const reason = `paused: memory: ${inUse} are in use, above ${formatMemory(residence.pauseBytes)}`;
  record(state, out, { type: "worker-paused", at: out.at, reason });
  tellHealth(state, out, told);
  revokeAllQueued(state, out);
}

/** When what waits on a paused worker goes back, or null. */
export function pauseDeadline({ pause }: WorkerState): number | null {
  return pause === null || pause.outlasted ? null : pause.since + pauseBoundMs * microsPerMs;
}

/** What has waited for the end of a pause for too long may run elsewhere. */
export function endLongPause(state: WorkerState, out: Outbox): void {
  const deadline = pauseDeadline(state);
  if (deadline === null || deadline > out.at) return;
  record(state, out, { type: "pause-outlasted" });
  handBackAllUnstarted(state, out, handBackReason.refused);
}
