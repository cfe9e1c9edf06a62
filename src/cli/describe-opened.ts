/**
 * What is said of a worker when one reason not to give it work was taken away.
 *
 * @module
 */

import type { WorkerView } from "./responses.ts";

/** There may be another reason: it is cordoned too, it is gone, its disk is full. */
export function describeOpened({ workerId, state, stateReason }: WorkerView): string {
  if (state === "HEALTHY") return `${workerId} takes work again`;
  const reason = stateReason === "" ? "" : `: ${stateReason}`;
  return `${workerId} takes no work yet, it is ${state}${reason}`;
}
