/**
 * Bounds of looking at the past.
 *
 * @module
 */

/** Reads of the past that wait for their turn. A further one is told OVERLOADED. */
export const pastCallsMax = 256;

/** After so long without a read of the past, in ms, its thread ends and gives its memory back. */
export const pastIdleMs = 60_000;
