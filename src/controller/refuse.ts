/**
 * Refusing what a client asked for, whole.
 *
 * @module
 */

import type { CapstanError } from "../model/errors.ts";
import type { Outbox } from "./outbox.ts";
import type { Client, ControllerState } from "./state.ts";

/** Its sequence is taken, so that a replay is not taken up later. */
export function refuse(
  state: ControllerState,
  out: Outbox,
  client: Client,
  { sequence, refusal }: { sequence: number; refusal: CapstanError },
): void {
  out.record(state, { type: "sequence-taken", client: client.index, sequence });
  const { code, message, details } = refusal;
  out.toClient(state, client.index, {
    type: "refused",
    sequence,
    error: { code, message, details },
  });
}
