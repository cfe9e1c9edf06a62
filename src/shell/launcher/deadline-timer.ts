/**
 * A timer that can be far away and can be moved. Node's own fires at once past 24 days.
 *
 * @module
 */

import { timerMsMax } from "./limits.ts";

export class DeadlineTimer {
  readonly #onDue: () => void;
  #at = Number.POSITIVE_INFINITY;
  #timer: NodeJS.Timeout | null = null;

  constructor(onDue: () => void) {
    this.#onDue = onDue;
  }

  /** `at`: on the clock of `performance.now()`, in milliseconds; infinite: never. */
  set(at: number): void {
    this.clear();
    this.#at = at;
    if (at !== Number.POSITIVE_INFINITY) this.#arm();
  }

  clear(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#at = Number.POSITIVE_INFINITY;
  }

  #arm(): void {
    const waitMs = Math.min(timerMsMax, Math.max(0, this.#at - performance.now()));
    this.#timer = setTimeout(() => {
      if (performance.now() < this.#at) return this.#arm();
      this.#timer = null;
      this.#onDue();
    }, waitMs);
  }
}
