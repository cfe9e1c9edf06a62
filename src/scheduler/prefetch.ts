/**
 * How many attempts a worker may hold beyond its grants, so that the end of one needs no round trip
 * before the next begins.
 *
 * @module
 */

import { prefetchMeanUsMax, prefetchPerShapeMax, prefetchWindowUs } from "./limits.ts";

/**
 * The number of prefetched attempts of a shape on a worker that runs `granted` of them, each for
 * `meanUs` microseconds on average (0: not known yet, one each).
 */
export function prefetchDepth(granted: number, meanUs: number): number {
  if (granted === 0) return 0;
  if (meanUs === 0) return granted;
  if (meanUs > prefetchMeanUsMax) return 0;
  return Math.min(prefetchPerShapeMax, granted * Math.ceil(prefetchWindowUs / meanUs));
}

/** The running mean of a shape's durations: one eighth of each new one, in whole microseconds. */
export function smoothedMean(meanUs: number, durationUs: number): number {
  const duration = Math.max(1, durationUs);
  if (meanUs === 0) return duration;
  return Math.max(1, meanUs + Math.trunc((duration - meanUs) / 8));
}
