/**
 * Leaving on purpose: hand back what has not started, stop the rest, have copied what only it holds
 * if there is time for that, say so, and go.
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

export function onLeaveRequested(state: WorkerState, out: Outbox, emptyMs: number): void {
  if (state.leaveBy >= 0) return;
  const by = out.at + (longestGraceMs(state) + leaveBoundMs) * microsPerMs;
  record(state, out, { type: "leave-began", by, emptyUs: emptyMs * microsPerMs });
  handBackAllUnstarted(state, out, handBackReason.shutdown);
  giveAllCopiesUp(state, out);
  for (const transfer of [...state.transfers.keys()]) {
    out.sends.push({ type: "abort-fetch", transfer });
    record(state, out, { type: "transfer-ended", transfer });
  }
  for (const execution of [...state.executions.values()]) stopForLeave(state, out, execution);
}

/** Asks once that others copy what only it holds, and waits until they have, or its limit. */
function waitsForCopies(state: WorkerState, out: Outbox): boolean {
  if (state.emptyUs === 0 || state.emptied) return false;
  if (state.emptyBy > out.at) return true;
  const hasValues = [...state.tasks.values()].some((known) => known.state.type === "memory");
  if (state.emptyBy >= 0 || !hasValues || !state.connection.up) {
    record(state, out, { type: "emptying-ended" });
    return false;
  }
  record(state, out, { type: "emptying-began", by: out.at + state.emptyUs });
  sayEmptying(state, out);
  return true;
}

function sayEmptying(state: WorkerState, out: Outbox): void {
  const limitMs = Math.ceil((state.emptyBy - out.at) / microsPerMs);
  say(state, out, { type: "emptying", limitMs });
}

/** On a new connection, while it waits for copies yet. */
export function repeatEmptying(state: WorkerState, out: Outbox): void {
  if (state.emptyBy > out.at && !state.emptied) sayEmptying(state, out);
}

/** Says `leaving` when nothing runs any more, and goes when nothing is owed or time is up. */
export function proceedWithLeave(state: WorkerState, out: Outbox): void {
  if (state.leaveBy < 0 || state.left) return;
  const late = out.at >= state.leaveBy;
  if (state.executions.size > 0 && !late) return;
  flushReports(state, out);
  if (!late && waitsForCopies(state, out)) return;
  if (!state.saidLeaving && state.connection.up) {
    record(state, out, { type: "leaving-said" });
    say(state, out, { type: "leaving" });
  }
  if (state.keptAnswers.length > 0 && state.connection.up && !late) return;
  record(state, out, { type: "worker-left" });
  out.sends.push({ type: "leave" });
}
