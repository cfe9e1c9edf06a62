/**
 * A restart of the cluster, as its workers hear of it: what runs functions is made anew.
 *
 * What runs is not ended by it: what the restart is about was told to stop before. Only what is
 * ordered afterwards must not meet anything of before, so no order takes over what still stops.
 *
 * @module
 */

import type { RenewExecutors } from "../protocol/order-messages.ts";
import { sendStop } from "./executions.ts";
import { type Outbox, record } from "./outbox.ts";
import type { WorkerState } from "./state.ts";

/** One restart is carried out once, however often it is told. */
export function onRenewExecutors(
  state: WorkerState,
  out: Outbox,
  { restart }: RenewExecutors,
): void {
  if (restart <= state.renewedFor) return;
  for (const execution of [...state.unsentStops.keys()]) sendStop(state, out, execution);
  record(state, out, { type: "executors-renewed", restart });
  out.sends.push({ type: "renew-executors" });
}
