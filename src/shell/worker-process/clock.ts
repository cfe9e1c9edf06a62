/**
 * The worker's time: microseconds since the Unix epoch that never decrease, whatever is done to the
 * machine's clock.
 *
 * @module
 */

import type { Micros } from "../../base/time.ts";

const originUs = Math.round(performance.timeOrigin * 1000);

/** Now, as the kernel wants it. */
export function nowMicros(): Micros {
  return originUs + Math.round(performance.now() * 1000);
}
