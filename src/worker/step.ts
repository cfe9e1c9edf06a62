/**
 * The worker kernel: `step(state, event) -> { facts, sends }`.
 *
 * The shell hands over events in their order and carries out the sends in theirs. Whoever has
 * several events at once calls `stepAll`: it does the same, but what is said to the controller
 * leaves in one message for all of them, which is what makes short tasks cheap. The shell
 * overwrites what a heartbeat says of processes as it sends it.
 *
 * It must not know a clock, a socket or a thread.
 *
 * @module
 */

import { assertNever } from "../base/assert.ts";
import type { ToWorkerMessage } from "../protocol/messages.ts";
import { onValueBrought } from "./brought.ts";
import { onBuilding, onMeasured } from "./commands.ts";
import { onConnected, onDisconnected, onReset } from "./connection.ts";
import { onCopy, onUncopy } from "./copies.ts";
import { onTick } from "./deadlines.ts";
import type { WorkerEvent, WorkerSend } from "./events.ts";
import {
  onAborted,
  onFailed,
  onFinished,
  onInputFailed,
  onRevoked,
  onTakenUp,
  onValueLost,
  reportStarted,
  sendDueStops,
} from "./executions.ts";
import type { WorkerFact } from "./facts.ts";
import { onPrepared, onStartGang } from "./gangs.ts";
import { onHealthChecked } from "./health.ts";
import { settleClosings } from "./inputs.ts";
import { fillLanes } from "./lanes.ts";
import { onLeaveRequested, proceedWithLeave } from "./leave.ts";
import { adoptionWindowUs } from "./limits.ts";
import { onCompute, onForget, onGrant, onRetract, onStop } from "./orders.ts";
import { newOutbox, type Outbox, record } from "./outbox.ts";
import { pauseIfPressed, resumeIfRelieved } from "./pausing.ts";
import { onPeer, onPeerGone, onSources } from "./peers.ts";
import { onProgressed } from "./progress.ts";
import { onRecovered } from "./recovery.ts";
import { onRenewExecutors } from "./renewal.ts";
import { flushReports } from "./reports.ts";
import { onDefineSpec, onDropSpec } from "./specs.ts";
import {
  onFileLost,
  onValueRead,
  onValuesSent,
  onValueWritten,
  onWriteFailed,
  spillExcess,
} from "./spilling.ts";
import { startGranted } from "./starts.ts";
import type { WorkerState } from "./state.ts";
import { onFetchBusy, onFetchFailed, onFetchFinished, startFetches } from "./transfers.ts";
import { onRejoined, onWaits, yieldWaiting } from "./yields.ts";

export { nextWorkerDeadline } from "./deadlines.ts";

/** What a step hands out. */
export interface WorkerStep {
  /** What happened, in order; already applied. */
  readonly facts: readonly WorkerFact[];
  /** What to do, in order. */
  readonly sends: readonly WorkerSend[];
}

/** Takes one event. `event.at` must not be less than that of the event before. */
export function step(state: WorkerState, event: WorkerEvent): WorkerStep {
  return stepAll(state, [event]);
}

/** Takes several events in their order, and says to the controller what follows at their end. */
export function stepAll(state: WorkerState, events: readonly WorkerEvent[]): WorkerStep {
  const out = newOutbox();
  for (const event of events) {
    out.at = event.at;
    take(state, out, event);
    settle(state, out, event);
  }
  fillLanes(state, out);
  reportStarted(state, out);
  flushReports(state, out);
  return { facts: out.facts, sends: out.sends };
}

/** What follows from any event: closing rules, starts, fetches, stops that are due, and memory. */
function settle(state: WorkerState, out: Outbox, event: WorkerEvent): void {
  settleClosings(state, out);
  resumeIfRelieved(state, out);
  pauseIfPressed(state, out);
  yieldWaiting(state, out);
  startGranted(state, out);
  startFetches(state, out);
  if (state.unsentStops.size > 0) {
    // Another order may still adopt what was stopped; anything else ends that hope.
    const dueBy = event.type === "ordered" ? event.at - adoptionWindowUs : event.at;
    sendDueStops(state, out, dueBy);
  }
  pauseIfPressed(state, out); // What was started may have brought values back.
  spillExcess(state, out);
  proceedWithLeave(state, out);
}

function take(state: WorkerState, out: Outbox, event: WorkerEvent): void {
  switch (event.type) {
    case "recovered":
      return onRecovered(state, out, event);
    case "health-checked":
      return onHealthChecked(state, out, event);
    case "connected":
      return onConnected(state, out, event);
    case "disconnected":
      return onDisconnected(state, out);
    case "ordered":
      return onOrdered(state, out, event.message);
    case "execution-building":
      return onBuilding(state, out, event);
    case "execution-prepared":
      return onPrepared(state, out, event);
    case "execution-measured":
      return onMeasured(state, out, event);
    case "execution-started":
      return onTakenUp(state, out, event);
    case "execution-waits":
      return onWaits(state, out, event);
    case "execution-rejoined":
      return onRejoined(state, out, event);
    case "execution-progressed":
      return onProgressed(state, out, event);
    case "execution-finished":
      return onFinished(state, out, event);
    case "execution-failed":
      return onFailed(state, out, event);
    case "execution-input-failed":
      return onInputFailed(state, out, event);
    case "execution-aborted":
      return onAborted(state, out, event);
    case "execution-revoked":
      return onRevoked(state, out, event);
    case "fetch-finished":
      return onFetchFinished(state, out, event);
    case "fetch-busy":
      return onFetchBusy(state, out, event);
    case "fetch-failed":
      return onFetchFailed(state, out, event);
    case "value-brought":
      return onValueBrought(state, out, event);
    case "value-lost":
      return onValueLost(state, out, event);
    case "memory-measured":
      return record(state, out, { type: "memory-measured", rssBytes: event.rssBytes });
    case "values-sent":
      return onValuesSent(state, out, event);
    case "value-written":
      return onValueWritten(state, out, event);
    case "write-failed":
      return onWriteFailed(state, out, event);
    case "value-read":
      return onValueRead(state, out, event);
    case "file-lost":
      return onFileLost(state, out, event);
    case "leave-requested":
      return onLeaveRequested(state, out, event.emptyMs ?? 0);
    case "tick":
      return onTick(state, out);
    default:
      return assertNever(event);
  }
}

function onOrdered(state: WorkerState, out: Outbox, message: ToWorkerMessage): void {
  if (!state.connection.up) return; // The rest of a stream that has closed.
  // Acknowledgements come from the shell of the controller, which alone knows what is durable: its
  // kernel does not count them.
  if (message.type !== "acknowledge") record(state, out, { type: "order-applied" });
  switch (message.type) {
    case "compute":
      return onCompute(state, out, message);
    case "grant":
      return onGrant(state, out, message);
    case "retract":
      return onRetract(state, out, message);
    case "stop":
      return onStop(state, out, message);
    case "forget":
      return onForget(state, out, message);
    case "sources":
      return onSources(state, out, message);
    case "copy":
      return onCopy(state, out, message);
    case "uncopy":
      return onUncopy(state, out, message);
    case "acknowledge":
      return record(state, out, { type: "answers-acknowledged", sequence: message.sequence });
    case "define-spec":
      return onDefineSpec(state, out, message);
    case "drop-spec":
      return onDropSpec(state, out, message);
    case "start-gang":
      return onStartGang(state, out, message);
    case "peer":
      return onPeer(state, out, message);
    case "peer-gone":
      return onPeerGone(state, out, message);
    case "emptied":
      return record(state, out, { type: "emptying-ended" });
    case "renew-executors":
      return onRenewExecutors(state, out, message);
    case "reset":
      return onReset(state, out);
    default:
      return assertNever(message);
  }
}
