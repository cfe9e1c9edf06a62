/**
 * What a journal does not say: who was connected, who was told what. For looking at a state that
 * was folded from one; a controller that serves hears it from its peers.
 *
 * @module
 */

import type { Micros } from "../base/time.ts";
import { isTerminalCode } from "../model/states.ts";
import type { ControllerState } from "./state.ts";
import { taskFlag } from "./tables/task-table.ts";

/**
 * Takes workers that were not lost, and sessions that were not over, to be there and well, and
 * takes it that whoever waited for what has ended was told of it. What each step settles before it
 * ends, a fold only collects.
 */
export function presumeConnected(state: ControllerState, at: Micros): void {
  state.at = at;
  for (const worker of state.workers) {
    worker.connected = !worker.lost;
    worker.suspect = false;
    if (!worker.lost) worker.lastHeardAt = at;
  }
  for (const client of state.clients) if (client !== null) client.connected = true;
  const { tasks } = state;
  for (let task = 0; task < tasks.length; task++) {
    if (isTerminalCode(tasks.state[task])) tasks.flags[task] &= ~taskFlag.awaited;
  }
  state.touchedJobs.clear();
  state.brokenGangs.clear();
}
