/**
 * Notes what happened to the cluster, for people: when it was, and at which fact.
 *
 * @module
 */

import { type ControllerState, jobOf, taskIdOf } from "./state.ts";

/** Called by `apply` of the fact that the event is about. */
export function tellEvent(
  state: ControllerState,
  event: { readonly type: string; readonly id: string; readonly message: string },
): void {
  const { at, journaled } = state;
  state.story.addEvent({ ...event, at, journaled });
}

/** For the audit: one line, whatever the number of tasks. */
export function tellOfRetry(state: ControllerState, tasks: Uint32Array, by: string): void {
  const [first] = tasks;
  const isOne = tasks.length === 1;
  const id = isOne ? taskIdOf(state, first) : jobOf(state, first).id;
  const message = isOne ? `by ${by}` : `by ${by}: ${tasks.length} tasks run again`;
  tellEvent(state, { type: "tasks-retried", id, message });
}
