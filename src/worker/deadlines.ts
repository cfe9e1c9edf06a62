/**
 * Time: when the kernel wants to be woken, and what it does then.
 *
 * @module
 */

import { type Micros, microsPerMs } from "../base/time.ts";
import { mayStart } from "./answers.ts";
import { askAgain, sendHeartbeat } from "./connection.ts";
import { sendAbort } from "./executions.ts";
import { laneDeadline, revokeBehindLongHeads } from "./lanes.ts";
import { askSourcesAgainMs } from "./limits.ts";
import type { Outbox } from "./outbox.ts";
import { endLongPause, pauseDeadline } from "./pausing.ts";
import { spillDeadline } from "./spilling.ts";
import type { Execution, WorkerState } from "./state.ts";
import { peerIsOpen } from "./transfers.ts";

/**
 * When the run time of an execution is over, or null. It counts from the moment at which the
 * thread took it up, so that fetching its module is not charged to it.
 */
function timeoutAt(execution: Execution): Micros | null {
  const { timeoutMs } = execution.run.spec.definition;
  if (timeoutMs === 0 || execution.startedAt < 0) return null;
  if (execution.abort !== null || execution.orphan) return null;
  return execution.startedAt + timeoutMs * microsPerMs;
}

function earlier(a: Micros | null, b: Micros | null): Micros | null {
  if (a === null || b === null) return a ?? b;
  return a < b ? a : b;
}

function laneWake(state: WorkerState): Micros | null {
  let wake: Micros | null = null;
  for (const lane of state.lanes) {
    if (lane.entries.length === 0) continue;
    wake = earlier(wake, earlier(timeoutAt(lane.entries[0]), laneDeadline(lane)));
  }
  for (const command of state.commands) wake = earlier(wake, timeoutAt(command));
  for (const beside of state.besideTimed) wake = earlier(wake, timeoutAt(beside));
  return wake;
}

function fetchWake(state: WorkerState): Micros | null {
  let wake: Micros | null = null;
  if (mayStart(state)) {
    for (const peer of state.fetchable) {
      // A peer that could be asked already was: what holds it up is its back-off or a bound.
      if (peerIsOpen(state, peer, peer.busyUntil)) wake = earlier(wake, peer.busyUntil);
    }
  }
  for (const task of state.missing) {
    const input = state.tasks.get(task)?.state;
    if (input?.type !== "missing") continue;
    return earlier(wake, input.askedAt + askSourcesAgainMs * microsPerMs); // The oldest is first.
  }
  return wake;
}

/** When the next `tick` is due, or null if nothing waits for time. It may be in the past. */
export function nextWorkerDeadline(state: WorkerState): Micros | null {
  if (state.left) return null;
  let wake = state.connection.up ? state.connection.heartbeatAt : null;
  for (const stoppedAt of state.unsentStops.values()) {
    wake = earlier(wake, stoppedAt);
    break; // The oldest is first.
  }
  if (state.leaveBy >= 0) wake = earlier(wake, state.leaveBy);
  if (state.emptyBy >= 0 && !state.emptied) wake = earlier(wake, state.emptyBy);
  wake = earlier(wake, earlier(pauseDeadline(state), spillDeadline(state)));
  return earlier(wake, earlier(laneWake(state), fetchWake(state)));
}

function endIfTooLong(state: WorkerState, out: Outbox, execution: Execution): void {
  const due = timeoutAt(execution);
  if (due !== null && due <= out.at) sendAbort(state, out, execution, "timeout");
}

/** Does what is due at `out.at`. What only waits for a moment to pass is done when a step ends. */
export function onTick(state: WorkerState, out: Outbox): void {
  const { at } = out;
  for (const { entries } of state.lanes) {
    if (entries.length > 0) endIfTooLong(state, out, entries[0]);
  }
  for (const command of state.commands) endIfTooLong(state, out, command);
  for (const beside of state.besideTimed) endIfTooLong(state, out, beside);
  revokeBehindLongHeads(state, out);
  endLongPause(state, out);
  askAgain(state, out, at - askSourcesAgainMs * microsPerMs);
  if (state.connection.up && state.connection.heartbeatAt <= at) sendHeartbeat(state, out);
}
