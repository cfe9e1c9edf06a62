/**
 * Leaving on purpose: hand back what has not started, stop the rest, say so, and go.
 *
 * @module
 */

import { microsPerMs } from "../base/time.ts";
import { handBackReason } from "../protocol/messages.ts";
import { giveAllCopiesUp } from "./copies.ts";
import { hasBegun, sendAbort, sendRevoke } from "./executions.ts";
import { handBackAllUnstarted } from "./inputs.ts";
import { leaveBoundMs } from "./limits.ts";
import { type Outbox, record } from "./outbox.ts";
import { flushReports, say } from "./reports.ts";
import type { Execution, WorkerState } from "./state.ts";

function longestGraceMs(state: WorkerState): number {
  let longest = 0;
  for (const { run } of state.executions.values()) {
    longest = Math.max(longest, run.spec.definition.graceMs);
  }
  return longest;
}

function stopForLeave(state: WorkerState, out: Outbox, execution: Execution): void {
  if (execution.orphan || execution.abort !== null) return;
  // Where a revoke is on its way, its answer will tell whether the thread has begun it.
  const asked = execution.revoke !== null;
  if (asked || !hasBegun(execution)) sendRevoke(state, out, execution, "shutdown");
  else sendAbort(state, out, execution, "shutdown");
}

export function onLeaveRequested(state: WorkerState, out: Outbox): void {
  if (state.leaveBy >= 0) return;
  const by = out.at + (longestGraceMs(state) + leaveBoundMs) * microsPerMs;
  record(state, out, { type: "leave-began", by });
  handBackAllUnstarted(state, out, handBackReason.shutdown);
  giveAllCopiesUp(state, out);
  for (const transfer of [...state.transfers.keys()]) {
    out.sends.push({ type: "abort-fetch", transfer });
    record(state, out, { type: "transfer-ended", transfer });
  }
  for (const execution of [...state.executions.values()]) stopForLeave(state, out, execution);
}

/** Says `leaving` when nothing runs any more, and goes when nothing is owed or time is up. */
export function proceedWithLeave(state: WorkerState, out: Outbox): void {
  if (state.leaveBy < 0 || state.left) return;
  const late = out.at >= state.leaveBy;
  if (state.executions.size > 0 && !late) return;
  flushReports(state, out);
  if (!state.saidLeaving && state.connection.up) {
    record(state, out, { type: "leaving-said" });
    say(state, out, { type: "leaving" });
  }
  if (state.keptAnswers.length > 0 && state.connection.up && !late) return;
  record(state, out, { type: "worker-left" });
  out.sends.push({ type: "leave" });
}
