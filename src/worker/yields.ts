/**
 * A function that waits for tasks of its own gives its lane and its CPU to others meanwhile: tasks
 * that submit tasks cannot wait for each other in a circle of slots.
 *
 *     on its lane ─▶ waits ─▶ (nothing queues behind it) ─▶ yielded ◀─▶ beside the lanes, charged
 *
 * Its thread goes on with other functions and comes back to it between two of them, so no CPU is
 * used twice; but it is charged again at once when it rejoins, so more may be charged than there
 * is, until something ends. What else it holds (memory, devices, counters) it keeps: that is so.
 *
 * @module
 */

import { reportKind } from "../protocol/messages.ts";
import type { WorkerEvent } from "./events.ts";
import { onTakenUp } from "./executions.ts";
import { revokeQueued } from "./lanes.ts";
import { type Outbox, record } from "./outbox.ts";
import { plainReport, report } from "./reports.ts";
import type { Execution, TaskRecord, WorkerState } from "./state.ts";

type EventOf<T extends WorkerEvent["type"]> = Extract<WorkerEvent, { type: T }>;

/** What was told to end gives nothing back before it has ended. */
function mayYield({ paying, waits, abort }: Execution): boolean {
  return paying && !waits && abort === null;
}

export function onWaits(state: WorkerState, out: Outbox, event: EventOf<"execution-waits">): void {
  const execution = state.executions.get(event.execution);
  if (execution === undefined || !mayYield(execution)) return;
  if (execution.startedAt < 0) onTakenUp(state, out, { ...event, type: "execution-started" });
  record(state, out, { type: "execution-waits", execution: execution.id, waits: true });
  // Its thread would take up what queues there by itself, and that has no grant.
  revokeQueued(state, out, execution.lane);
}

export function onRejoined(
  state: WorkerState,
  out: Outbox,
  event: EventOf<"execution-rejoined">,
): void {
  const execution = state.executions.get(event.execution);
  if (execution === undefined || !execution.waits) return;
  record(state, out, { type: "execution-waits", execution: execution.id, waits: false });
  if (!execution.yielded) return;
  record(state, out, { type: "execution-rejoined", execution: execution.id });
  tell(state, reportKind.rejoined, execution);
}

/** Those that wait yield as soon as nothing is queued behind them. */
export function yieldWaiting(state: WorkerState, out: Outbox): void {
  for (const execution of [...state.yielding]) {
    if (execution.lane.entries.length > 1) continue;
    record(state, out, { type: "execution-yielded", execution: execution.id });
    out.sends.push({ type: "yield-execution", execution: execution.id });
    tell(state, reportKind.yielded, execution);
  }
}

/** The next attempt of a task took over an execution that has yielded: of it nobody knows that. */
export function tellYielded(state: WorkerState, { state: taken }: TaskRecord): void {
  if (taken.type !== "executing" || !taken.execution.yielded) return;
  tell(state, reportKind.yielded, taken.execution);
}

function tell(state: WorkerState, kind: number, { run, silent }: Execution): void {
  if (!silent) report(state, plainReport(kind, run.attempt, run.task));
}
