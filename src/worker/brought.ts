/**
 * Values that a client brings itself, instead of a run that computes them.
 *
 * Who told the client to bring it was the controller, which this worker tells what it has now. It
 * may be late: what is not wanted any more is forgotten by its order.
 *
 * @module
 */

import { reportKind } from "../protocol/messages.ts";
import { recordOf } from "./apply-tasks.ts";
import type { WorkerEvent } from "./events.ts";
import { readyDependents } from "./inputs.ts";
import { type Outbox, record } from "./outbox.ts";
import { plainReport, report } from "./reports.ts";
import type { TaskState, Value, WorkerState } from "./state.ts";

type ValueBrought = Extract<WorkerEvent, { type: "value-brought" }>;

export function onValueBrought(
  state: WorkerState,
  out: Outbox,
  { upload, task, sizeBytes }: ValueBrought,
): void {
  const before = state.tasks.get(task)?.state;
  if (before !== undefined && !lacksValue(before)) {
    out.sends.push({ type: "discard-upload", upload });
    if (before.type === "memory") tellAgain(state, out, before.value);
    return;
  }
  record(state, out, { type: "value-stored", task, sizeBytes, copied: true });
  out.sends.push({ type: "store-upload", upload, task });
  sayHeld(state, { task, sizeBytes });
  readyDependents(state, out, recordOf(state, task));
}

function sayHeld(state: WorkerState, { task, sizeBytes }: Pick<Value, "task" | "sizeBytes">): void {
  report(state, { ...plainReport(reportKind.have, 0, task), sizeBytes });
}

/** Says once more that a value is here: it may have come again because nobody had heard of it. */
export function tellAgain(state: WorkerState, out: Outbox, value: Value): void {
  record(state, out, { type: "value-told-again", task: value.task });
  sayHeld(state, value);
}

/** Whether it may be kept: nothing runs for the task here, and its value is not here. */
function lacksValue({ type }: TaskState): boolean {
  return type === "released" || type === "to-fetch" || type === "missing" || type === "in-flight";
}
