/**
 * Bounds of placement. Each is listed in docs/limits.md.
 *
 * @module
 */

/** Microseconds of work that a worker may hold ahead, per granted attempt. */
export const prefetchWindowUs = 20_000;

/** Attempts of one shape that a worker may hold ahead. */
export const prefetchPerShapeMax = 2_048;

/** A shape whose attempts run longer than this on average is never prefetched. */
export const prefetchMeanUsMax = 1_000_000;
