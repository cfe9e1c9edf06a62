/**
 * What the worker's own checks find. In trouble it starts nothing: what has not started goes back,
 * what is ordered is refused, and what runs goes on.
 *
 * @module
 */

import { troubleCharsMax } from "../protocol/limits.ts";
import { handBackReason } from "../protocol/messages.ts";
import type { WorkerEvent } from "./events.ts";
import { handBackAllUnstarted } from "./inputs.ts";
import { revokeAllQueued } from "./lanes.ts";
import { type Outbox, record } from "./outbox.ts";
import { say } from "./reports.ts";
import type { WorkerState } from "./state.ts";

/** The controller hears of it before anything comes back to it. */
export function onHealthChecked(
  state: WorkerState,
  out: Outbox,
  event: Extract<WorkerEvent, { type: "health-checked" }>,
): void {
  const trouble = event.trouble.slice(0, troubleCharsMax);
  if (trouble === state.trouble) return;
  const begins = state.trouble === "";
  const told = healthOf(state);
  record(state, out, { type: "health-changed", trouble });
  tellHealth(state, out, told);
  if (!begins) return;
  handBackAllUnstarted(state, out, handBackReason.refused);
  revokeAllQueued(state, out);
}

/** Why the controller should send nothing, as a sentence; "" while it may. */
export function healthOf({ trouble, pause }: WorkerState): string {
  return trouble === "" && pause !== null ? pause.reason : trouble;
}

/** Tells the controller if that is not what it was `told` last. */
export function tellHealth(state: WorkerState, out: Outbox, told: string): void {
  const trouble = healthOf(state);
  if (trouble !== told) say(state, out, { type: "health", trouble });
}

/** On a new connection, where the worker counts as well until it says otherwise. */
export function repeatTrouble(state: WorkerState, out: Outbox): void {
  const trouble = healthOf(state);
  if (trouble !== "") say(state, out, { type: "health", trouble });
}
