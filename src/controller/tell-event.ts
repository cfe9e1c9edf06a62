/**
 * Notes what happened to the cluster, for people: when it was, and at which fact.
 *
 * @module
 */

import type { ControllerState } from "./state.ts";

/** Called by `apply` of the fact that the event is about. */
export function tellEvent(
  state: ControllerState,
  event: { readonly type: string; readonly id: string; readonly message: string },
): void {
  const { at, journaled } = state;
  state.story.addEvent({ ...event, at, journaled });
}
