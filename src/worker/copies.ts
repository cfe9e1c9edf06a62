/**
 * Copies that the controller orders: values that are fetched and kept though nothing here reads
 * them, because so many are wanted or because their holder is to leave.
 *
 *     ordered ─▶ to-fetch ─▶ in-flight ─▶ memory: `have`
 *        └─────────┴────────────┴──▶ `notCopied`: no source is left, or it may not come here
 *
 * An order is one more reason to fetch a task, beside the runs that need it: bounds, back-off and
 * sources are those of any fetch. It is answered once, unless it is taken back.
 *
 * @module
 */

import type { TaskRef, WorkerIndex } from "../model/ids.ts";
import { type HotMessageOf, reportKind } from "../protocol/messages.ts";
import { recordOf } from "./apply-tasks.ts";
import { tellAgain } from "./brought.ts";
import { giveCopyUp, letGo, offerSources, usableSources } from "./inputs.ts";
import { type Outbox, record } from "./outbox.ts";
import { plainReport, report } from "./reports.ts";
import { runOfState, type TaskState, type WorkerState } from "./state.ts";

export function onCopy(state: WorkerState, out: Outbox, message: HotMessageOf<"copy">): void {
  const { tasks, sources, sizes } = message;
  for (let i = 0; i < tasks.length; i++) {
    copyOne(state, out, { task: tasks[i], source: sources[i], sizeBytes: sizes[i] });
  }
}

function copyOne(
  state: WorkerState,
  out: Outbox,
  order: { readonly task: TaskRef; readonly source: WorkerIndex; readonly sizeBytes: number },
): void {
  const { task, source, sizeBytes } = order;
  const held = state.tasks.get(task)?.state;
  if (held?.type === "memory") return tellAgain(state, out, held.value);
  if (!mayCopy(state, held)) return report(state, plainReport(reportKind.notCopied, 0, task));
  record(state, out, { type: "copy-ordered", task, sizeBytes });
  const known = recordOf(state, task);
  offerSources(state, out, known, usableSources(state, [source]));
  // What is asked for already, and has no source by this order either, is not on its way.
  if (known.state.type === "missing") giveCopyUp(state, out, known);
}

/** Not what is made here at this time, and nothing where nothing is fetched any more. */
function mayCopy({ leaveBy, trouble }: WorkerState, held: TaskState | undefined): boolean {
  if (leaveBy >= 0 || trouble !== "") return false;
  return held === undefined || runOfState(held) === null;
}

export function onUncopy(state: WorkerState, out: Outbox, message: HotMessageOf<"uncopy">): void {
  for (const task of message.tasks) {
    const known = state.tasks.get(task);
    if (known?.copyOrdered !== true) continue; // It is here, or was answered.
    record(state, out, { type: "copy-closed", task });
    letGo(state, out, known);
  }
}

/** A worker that leaves keeps nothing. */
export function giveAllCopiesUp(state: WorkerState, out: Outbox): void {
  for (const known of [...state.tasks.values()]) {
    if (!known.copyOrdered) continue;
    giveCopyUp(state, out, known);
    letGo(state, out, known);
  }
}
