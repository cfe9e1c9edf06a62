/**
 * Time as the kernels see it: whole microseconds that come in with an event and never decrease.
 *
 * @module
 */

/** Microseconds since the Unix epoch, as a safe integer. */
export type Micros = number;

export const microsPerMs = 1_000;
