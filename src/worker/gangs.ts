/**
 * Members of a gang: each is prepared, says where it can be reached, and starts when all are.
 *
 *     placed ─▶ preparing ─▶ prepared ─▶ released ─▶ started
 *
 * Whether a gang is complete is for the controller to know. A member that waits holds its lane and
 * its grant, and is stopped like anything that runs.
 *
 * @module
 */

import type { StartGang } from "../protocol/messages.ts";
import type { WorkerEvent } from "./events.ts";
import { type Outbox, record } from "./outbox.ts";
import { say } from "./reports.ts";
import { type Execution, isGang, type WorkerState } from "./state.ts";

export function onPrepared(
  state: WorkerState,
  out: Outbox,
  event: Extract<WorkerEvent, { type: "execution-prepared" }>,
): void {
  const execution = state.executions.get(event.execution);
  if (execution === undefined || !isGang(execution.run.spec)) return;
  if (execution.member !== null) return; // Where it can be reached never changes.
  const { member } = event;
  record(state, out, { type: "execution-prepared", execution: execution.id, member });
  sayPrepared(state, out, execution);
}

/** Nobody may count on a member that is being stopped. */
function sayPrepared(state: WorkerState, out: Outbox, execution: Execution): void {
  const { run, member } = execution;
  if (member === null || execution.orphan || execution.abort !== null) return;
  const { attempt, task } = run;
  say(state, out, { type: "attempt-prepared", attempt, task, member });
}

/** On a new connection; of those that run too, for whoever starts later needs their address. */
export function repeatPrepared(state: WorkerState, out: Outbox): void {
  for (const execution of state.executions.values()) sayPrepared(state, out, execution);
}

/** All members are prepared. Repeated, or about something that has ended, it changes nothing. */
export function onStartGang(state: WorkerState, out: Outbox, message: StartGang): void {
  const taskState = state.tasks.get(message.task)?.state;
  if (taskState?.type !== "executing") return;
  const { execution } = taskState;
  if (execution.run.attempt !== message.attempt || execution.member === null) return;
  if (execution.released || execution.abort !== null) return;
  record(state, out, { type: "execution-released", execution: execution.id });
  const { members } = message;
  out.sends.push({ type: "release-execution", execution: execution.id, members });
}
