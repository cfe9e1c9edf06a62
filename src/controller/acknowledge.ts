/**
 * What of a client's requests is done, as it is told.
 *
 * @module
 */

import type { Outbox } from "./outbox.ts";
import type { Client, ControllerState } from "./state.ts";

/**
 * The client's last request that is done, with all before it. A restart of its session is done when
 * it is over; until then nothing that the session says is taken up.
 */
export function acceptedSequence({ shared }: ControllerState, client: Client): number {
  return shared.restarting.has(client.index) ? client.lastSequence - 1 : client.lastSequence;
}

export function tellAccepted(state: ControllerState, out: Outbox, client: Client): void {
  const sequence = acceptedSequence(state, client);
  out.toClient(state, client.index, { type: "accepted", sequence });
}
