/**
 * What a journal does not say: who was connected. For looking at a state that was folded from one;
 * a controller that serves hears it from its peers.
 *
 * @module
 */

import type { Micros } from "../base/time.ts";
import type { ControllerState } from "./state.ts";

/** Takes workers that were not lost, and sessions that were not over, to be there and well. */
export function presumeConnected(state: ControllerState, at: Micros): void {
  state.at = at;
  for (const worker of state.workers) {
    worker.connected = !worker.lost;
    worker.suspect = false;
    if (!worker.lost) worker.lastHeardAt = at;
  }
  for (const client of state.clients) if (client !== null) client.connected = true;
}
