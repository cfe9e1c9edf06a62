/**
 * The controller kernel: one event in, facts and sends out.
 *
 * Same state, same event, same output. No clock, no randomness, no I/O, no `async`: time comes in
 * with the event, and what must happen in the world goes out as a send.
 *
 * @module
 */

import { assert, assertNever } from "../base/assert.ts";
import type { Micros } from "../base/time.ts";
import { settleActors } from "./actors.ts";
import { onApiCalled } from "./calls.ts";
import { onClientConnected, onClientDisconnected, onClientMessaged } from "./clients.ts";
import { settleCopies } from "./copies.ts";
import { onTick } from "./deadlines.ts";
import { onWorkerEmptying, settleEmptying } from "./emptying.ts";
import type { ControllerEvent } from "./events.ts";
import { onAttemptPrepared, settleGangs } from "./gangs.ts";
import { settleJobs, settleRestarts } from "./jobs.ts";
import { Outbox, type Output } from "./outbox.ts";
import { placeQueued } from "./placement.ts";
import { isSpent, renewBudget } from "./placement-budget.ts";
import { onProgress } from "./progress.ts";
import { onAttemptFailed, onAttemptMeasured, onReports, tellsAnEnd } from "./reports.ts";
import { settleReservations } from "./reservations.ts";
import type { ControllerState } from "./state.ts";
import { settleReleases } from "./values.ts";
import {
  onHeartbeat,
  onWorkerConnected,
  onWorkerExited,
  onWorkerLeaving,
  retryKeptValues,
} from "./workers.ts";

export type { Output } from "./outbox.ts";

/** Rounds of one step: two where a preemption ends a job, more were never seen. */
const roundsMax = 8;

/** Takes one event up. `event.at` never decreases. */
export function step(state: ControllerState, event: ControllerEvent): Output {
  assert(event.at >= state.at, "time never goes back");
  const out = new Outbox();
  renewBudget(state, event);
  if (event.at > state.at) out.record(state, { type: "time-passed", at: event.at });
  handle(state, out, event);
  settle(state, out, event.at);
  for (let round = 0; round < roundsMax; round++) {
    placeQueued(state, out, event.at);
    // What was preempted may take its gang and its job along, and that may let others start.
    settle(state, out, event.at);
    if (state.touchedWorkers.size + state.untriedShapes.size === 0 || isSpent(state)) break;
  }
  return out.finish(state);
}

/** What follows from any event: gangs go whole, jobs end, calls go, values go or are copied. */
function settle(state: ControllerState, out: Outbox, at: Micros): void {
  while (state.brokenGangs.size + state.touchedJobs.size + out.restartedJobs.size > 0) {
    settleGangs(state, out, at);
    settleJobs(state, out, at);
    settleRestarts(state, out, at);
  }
  settleActors(state, out, at);
  settleReleases(state, out);
  settleReservations(state, out, at);
  settleCopies(state, out);
  if (state.copies.emptying.size > 0) settleEmptying(state, out);
}

function handle(state: ControllerState, out: Outbox, event: ControllerEvent): void {
  switch (event.type) {
    case "controller-started":
      return out.record(state, event);
    case "tick":
      return onTick(state, out, event.at);
    case "controller-paused":
      return out.record(state, { type: "silence-excused", pausedUs: event.pausedUs });
    case "client-connected":
      return onClientConnected(state, out, event);
    case "client-disconnected":
      return onClientDisconnected(state, out, event);
    case "client-messaged":
      return onClientMessaged(state, out, event);
    case "worker-connected":
      return onWorkerConnected(state, out, event);
    case "worker-disconnected":
      return onWorkerDisconnected(state, out, event.worker);
    case "worker-messaged":
      return onWorkerMessaged(state, out, event);
    case "worker-exited":
      return onWorkerExited(state, out, event);
    case "api-called":
      return onApiCalled(state, out, event);
    default:
      return assertNever(event);
  }
}

function onWorkerDisconnected(state: ControllerState, out: Outbox, worker: number): void {
  if (!state.workers[worker].connected) return;
  out.record(state, { type: "worker-absent", worker });
}

function onWorkerMessaged(
  state: ControllerState,
  out: Outbox,
  { worker, message, at }: Extract<ControllerEvent, { type: "worker-messaged" }>,
): void {
  const record = state.workers[worker];
  if (!record.connected) return; // A message of a session that was given up.
  record.receivedCount++;
  switch (message.type) {
    case "reports":
      onReports(state, out, { worker, reports: message, at });
      return tellsAnEnd(message) ? retryKeptValues(state, out, worker) : undefined;
    case "attempt-failed":
      onAttemptFailed(state, out, { worker, message, at });
      return retryKeptValues(state, out, worker);
    case "heartbeat":
      return onHeartbeat(state, out, { worker, heartbeat: message, at });
    case "traffic":
      return out.record(state, { type: "traffic-told", at, worker, message });
    case "progress":
      return onProgress(state, out, { worker, message, at });
    case "emptying":
      return onWorkerEmptying(state, out, { worker, limitMs: message.limitMs, at });
    case "leaving":
      return onWorkerLeaving(state, out, { worker, at });
    case "attempt-prepared":
      return onAttemptPrepared(state, out, { worker, message });
    case "attempt-measured":
      return onAttemptMeasured(state, out, { worker, message });
    case "health":
      return out.record(state, { type: "worker-health", worker, trouble: message.trouble });
    case "inventory":
      return; // Taken up with the hello.
    default:
      return assertNever(message);
  }
}
