/**
 * Policies: whose turn it is in a queue, and whether the first that does not fit is waited for.
 *
 * - `fair` (the default): users by their dominant shares, then priority, depth, age. What does not
 *   fit blocks nothing behind it, until it has waited for `lateAfterUs`: then it may have a turn,
 *   who waits longest for how long it runs first, and after `lateAgedAfterUs` the oldest.
 * - `fifo`: first come, first served, whoever asks. The first that does not fit has capacity kept
 *   for it; others go ahead only if they cannot delay it (EASY backfilling).
 * - `slowdown`: the same with another order: who waits longest for how long it runs goes first, by
 *   its time limit. Whoever has waited for `agedAfterUs` has the next turn, oldest first.
 *
 * Run times are not known to any of them, only time limits.
 *
 * @module
 */

import { agedAfterUs, expectedUsMin, lateAfterUs, lateAgedAfterUs } from "./limits.ts";

export const queuePolicies = ["fair", "fifo", "slowdown"] as const;

export type QueuePolicy = (typeof queuePolicies)[number];

/** Of a queue, what its rank depends on: the task that has waited longest stands for it. */
export interface Waiting {
  /** When that task was submitted, as a number that rises with each. */
  readonly headOrder: number;
  /** Microseconds since it was submitted. */
  readonly waitedUs: number;
  /** How long it runs at most; without a limit the mean of its like; 0 for not known. */
  readonly expectedUs: number;
}

/** The lower the earlier; 0 under `fair`, which has no order over all users. */
export function rankOf(policy: QueuePolicy, waiting: Waiting): number {
  if (policy === "fair") return 0;
  return policy === "fifo" ? waiting.headOrder : slowdownRankOf(waiting);
}

function slowdownRankOf({ waitedUs, expectedUs }: Waiting): number {
  return -(waitedUs + expectedUs) / Math.max(expectedUs, expectedUsMin);
}

/**
 * The same for the one place for which capacity is kept: there, age goes before all else. Were it
 * so for every place, a queue of old wide tasks would keep the short ones waiting for nothing.
 */
export function turnRankOf(policy: QueuePolicy, waiting: Waiting): number {
  const isAged = policy === "slowdown" && waiting.waitedUs > agedAfterUs;
  return isAged ? agedRankOf(waiting) : rankOf(policy, waiting);
}

/** Before all ranks of what is younger. */
function agedRankOf({ headOrder }: Waiting): number {
  return headOrder - Number.MAX_SAFE_INTEGER;
}

/** Whose turn is kept under `fair`, the lowest; Infinity for who has not waited for long. */
export function lateTurnRankOf(waiting: Waiting): number {
  if (waiting.waitedUs <= lateAfterUs) return Number.POSITIVE_INFINITY;
  return waiting.waitedUs > lateAgedAfterUs ? agedRankOf(waiting) : slowdownRankOf(waiting);
}

/** Whether capacity is kept in every pass for the first queue that does not fit. */
export function keepsTurns(policy: QueuePolicy): boolean {
  return policy !== "fair";
}
