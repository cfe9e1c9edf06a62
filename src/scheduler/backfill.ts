/**
 * Capacity that is kept for something that waits: how long, and what may use it meanwhile.
 *
 * Idle capacity that is held for a gang may run what is certain to be over before the gang could
 * begin. Only time limits prove that, never an average; where there is no proof there is no
 * backfill. All times are microseconds.
 *
 * @module
 */

import { holdUsMax, holdUsMin } from "./limits.ts";

/** An attempt that runs on the host, or holds a grant there. */
export interface Running {
  /** When it is over by its time limit and grace; Infinity if it has none. */
  readonly endsBy: number;
  readonly amounts: Float64Array;
}

/**
 * When `amounts` will certainly be free on a host, if every attempt there runs to its limit; `now`
 * if they are free already, Infinity if no limits prove it.
 *
 * @param free By dimension; what is missing at the end counts as 0.
 * @param used The dimensions in which `amounts` asks for something.
 */
export function certainStart(
  now: number,
  free: Float64Array,
  running: readonly Running[],
  amounts: Float64Array,
  used: readonly number[],
): number {
  const missing = used.map((index) => amounts[index] - (free[index] ?? 0));
  if (missing.every((amount) => amount <= 0)) return now;
  const byEnd = [...running].sort((a, b) => (a.endsBy < b.endsBy ? -1 : 1));
  for (const { endsBy, amounts: given } of byEnd) {
    for (const [position, index] of used.entries()) missing[position] -= given[index] ?? 0;
    if (missing.every((amount) => amount <= 0)) return Math.max(now, endsBy);
  }
  return Number.POSITIVE_INFINITY;
}

/**
 * What has come free on a host by `at` besides what is free now, if every attempt runs to its
 * limit.
 */
export function releasedBy(at: number, running: readonly Running[], length: number): Float64Array {
  const released = new Float64Array(length);
  for (const { endsBy, amounts } of running) {
    if (endsBy > at) continue;
    for (let i = 0; i < length && i < amounts.length; i++) released[i] += amounts[i];
  }
  return released;
}

/**
 * Whether an attempt that starts now may use capacity that is held until `holdUsedAt`: it is over
 * by then even if it runs to its limit and needs all of its grace.
 *
 * @param timeoutUs Its run limit; 0 is none, and without one it may not.
 * @param graceUs How long its stop may take after that.
 * @param holdUsedAt When the holder certainly starts. Infinity: nothing is proved, it may not.
 */
export function mayBackfill(
  now: number,
  timeoutUs: number,
  graceUs: number,
  holdUsedAt: number,
): boolean {
  if (timeoutUs <= 0 || holdUsedAt === Number.POSITIVE_INFINITY) return false;
  return now + timeoutUs + graceUs <= holdUsedAt;
}

/**
 * How long a hold lasts whose owner has let `expiries` of them expire: it doubles from `holdUsMin`
 * up to `holdUsMax`, since what could not gather in a short time needs a longer one.
 */
export function holdDuration(expiries: number): number {
  return Math.min(holdUsMin * 2 ** expiries, holdUsMax);
}
