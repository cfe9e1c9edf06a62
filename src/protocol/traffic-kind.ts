/**
 * The ways of values that workers tell of.
 *
 * @module
 */

/** What `traffic.kinds` holds. */
export const trafficKind = {
  /** From a peer. */
  fetch: 1,
  /** To the disk. */
  spill: 2,
  /** From the disk. */
  load: 3,
} as const;
