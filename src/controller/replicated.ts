/**
 * Values that clients want on several workers.
 *
 * The number is of the task, whoever said it last; it is durable, and goes with the task.
 * `copies.ts` keeps to it: also when a holder is lost, and when there are workers enough for the
 * first time.
 *
 * @module
 */

import type { Micros } from "../base/time.ts";
import type { Replicate } from "../protocol/shared-messages.ts";
import type { ClientIndex } from "./events.ts";
import type { Outbox } from "./outbox.ts";
import { type ControllerState, jobOf, openClient } from "./state.ts";
import { takeSequence } from "./wants.ts";

/** Those that are not known any more need nothing; a task need not have its value yet. */
export function onReplicate(
  state: ControllerState,
  out: Outbox,
  { client: index, message, at }: { client: ClientIndex; message: Replicate; at: Micros },
): void {
  const client = openClient(state, index);
  const { sequence, copies, tasks } = message;
  if (!takeSequence(state, out, client, sequence)) return;
  const wanted = new Set<number>();
  for (const number of tasks) {
    const task = client.handles.get(number);
    if (task < 0 || jobOf(state, task).launch !== null) continue;
    if ((state.shared.copies.get(task) ?? 1) !== copies) wanted.add(task);
  }
  if (wanted.size === 0) return;
  out.record(state, { type: "copies-wanted", at, tasks: Uint32Array.from(wanted), copies });
}
