/**
 * One connection: ordered, with delay, and gone for good once it is cut. What was on its way when
 * it was cut never arrives.
 *
 * @module
 */

import type { Prng } from "../base/prng.ts";
import type { Timeline } from "./timeline.ts";

export class Link {
  readonly #timeline: Timeline;
  readonly #prng: Prng;
  readonly #delayUsMax: number;
  #lastArrival: { there: number; back: number } = { there: 0, back: 0 };
  isUp = true;

  constructor(timeline: Timeline, prng: Prng, delayUsMax: number) {
    this.#timeline = timeline;
    this.#prng = prng;
    this.#delayUsMax = delayUsMax;
  }

  /** Carries one message; messages in one direction never overtake each other. */
  carry(direction: "there" | "back", deliver: () => void): void {
    const delay = 20 + this.#prng.below(this.#delayUsMax);
    const arrival = Math.max(this.#timeline.now + delay, this.#lastArrival[direction] + 1);
    this.#lastArrival[direction] = arrival;
    this.#timeline.at(arrival, () => {
      if (this.isUp) deliver();
    });
  }

  cut(): void {
    this.isUp = false;
  }
}
