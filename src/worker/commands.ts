/**
 * What a command says of itself between its start and its end.
 *
 * @module
 */

import { reportKind } from "../protocol/messages.ts";
import type { WorkerEvent } from "./events.ts";
import { type Outbox, record } from "./outbox.ts";
import { plainReport, report, sendAnswer } from "./reports.ts";
import type { WorkerState } from "./state.ts";

type EventOf<T extends WorkerEvent["type"]> = Extract<WorkerEvent, { type: T }>;

/** Its work directory takes a while: told once, and before the start. */
export function onBuilding(
  state: WorkerState,
  out: Outbox,
  event: EventOf<"execution-building">,
): void {
  const execution = state.executions.get(event.execution);
  if (execution === undefined || execution.building || execution.startedAt >= 0) return;
  record(state, out, { type: "execution-building", execution: execution.id });
  if (execution.orphan) return;
  const { attempt, task } = execution.run;
  report(state, plainReport(reportKind.building, attempt, task));
}

/**
 * What it used and how it really ended, before the answer. It is told of what was stopped too,
 * whose answer says no more than that it ended; and kept like answers, in their order.
 */
export function onMeasured(
  state: WorkerState,
  out: Outbox,
  event: EventOf<"execution-measured">,
): void {
  const execution = state.executions.get(event.execution);
  if (execution === undefined || execution.silent) return;
  const { attempt, task } = execution.run;
  sendAnswer(state, out, { type: "attempt-measured", attempt, task, usage: event.usage });
}
