/**
 * How far executions say they are: the latest word of each is told with the next heartbeat, so it
 * costs a bounded message a second whatever functions do, and never holds up a report.
 *
 * @module
 */

import { progressRowsMax } from "../protocol/limits.ts";
import type { WorkerEvent } from "./events.ts";
import { type Outbox, record } from "./outbox.ts";
import { say } from "./reports.ts";
import type { WorkerState } from "./state.ts";

export function onProgressed(
  state: WorkerState,
  out: Outbox,
  { execution, progress }: Extract<WorkerEvent, { type: "execution-progressed" }>,
): void {
  if (!state.executions.has(execution)) return; // It has ended meanwhile.
  record(state, out, { type: "execution-progressed", execution, progress });
}

/** Says what is news. Of what was stopped nobody wants to know; whoever adopts it is told. */
export function tellProgress(state: WorkerState, out: Outbox): void {
  if (state.progressed.size === 0) return;
  const told = [...state.progressed].filter(({ orphan }) => !orphan).slice(0, progressRowsMax);
  if (told.length === 0) return;
  record(state, out, { type: "progress-told", executions: told.map(({ id }) => id) });
  say(state, out, {
    type: "progress",
    attempts: Float64Array.from(told, ({ run }) => run.attempt),
    tasks: Float64Array.from(told, ({ run }) => run.task),
    fractions: Float64Array.from(told, ({ progress }) => progress?.fraction ?? 0),
    notes: told.map(({ progress }) => progress?.note ?? ""),
  });
}
