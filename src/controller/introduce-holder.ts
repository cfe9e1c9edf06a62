/**
 * Telling a client the address of a worker, before its first mention on a connection.
 *
 * @module
 */

import type { WorkerIndex } from "../model/ids.ts";
import type { ClientIndex } from "./events.ts";
import type { Outbox } from "./outbox.ts";
import { type ControllerState, openClient } from "./state.ts";

/** Once per connection and incarnation. */
export function introduceHolder(
  state: ControllerState,
  out: Outbox,
  client: ClientIndex,
  worker: WorkerIndex,
): void {
  const { knownPeers } = openClient(state, client);
  const { workerId, incarnation, address } = state.workers[worker];
  if (knownPeers.get(worker) === incarnation) return;
  knownPeers.set(worker, incarnation);
  out.toClient(state, client, { type: "peer", index: worker, workerId, incarnation, address });
}
