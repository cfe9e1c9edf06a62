/**
 * The time that the kernel sees: whole microseconds that never decrease, neither over a restart
 * nor when somebody sets the wall clock back. It starts at the last journaled time or at the wall
 * clock, whichever is later, and goes on with the monotonic clock.
 *
 * @module
 */

import type { Micros } from "../../base/time.ts";

export class Clock {
  readonly #origin: Micros;
  readonly #originMs: number;

  /** `journaledAt`: the last time in the journal, 0 for none. */
  constructor(journaledAt: Micros) {
    this.#originMs = performance.now();
    this.#origin = Math.max(journaledAt, Date.now() * 1000);
  }

  now(): Micros {
    return this.#origin + Math.floor((performance.now() - this.#originMs) * 1000);
  }
}
