/**
 * What goes wrong at one worker because a script says so, beside what the seed draws.
 *
 * @module
 */

import type { Micros } from "../base/time.ts";

export class Mishaps {
  /** Until then it tells whoever fetches from it that it is busy. */
  busyUntil: Micros = 0;
  /** So many fetches from it that begin from now on end with an error of the network. */
  fetchFailuresLeft = 0;

  /** Whether a fetch that begins now is to fail. */
  failsFetch(): boolean {
    if (this.fetchFailuresLeft === 0) return false;
    this.fetchFailuresLeft--;
    return true;
  }

  /** Nothing more goes wrong. */
  end(): void {
    this.busyUntil = 0;
    this.fetchFailuresLeft = 0;
  }
}
