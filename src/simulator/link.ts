/**
 * What the network does to a peer's messages. The streams are TCP: within one connection nothing
 * is lost, repeated or reordered; bytes come late, or the connection ends and with it all that was
 * on its way. So there are two things here: the path to a peer, which can be stalled in one or both
 * directions for a while, and a connection over it, which can be cut without a word to anybody.
 * Messages of different connections overtake each other freely.
 *
 * @module
 */

import type { Micros } from "../base/time.ts";
import type { Draws } from "./draws.ts";
import type { Faults } from "./faults.ts";
import type { Timeline } from "./timeline.ts";

/** "there" is to the controller, "back" is from it. */
export type Direction = "there" | "back";

/** The network between one peer and the controller. */
export class NetworkPath {
  readonly timeline: Timeline;
  readonly #draws: Draws;
  readonly #faults: Faults;
  /** Nothing that is said before this arrives before it. */
  readonly stalledUntil: { there: Micros; back: Micros } = { there: 0, back: 0 };

  constructor(timeline: Timeline, draws: Draws, faults: Faults) {
    this.timeline = timeline;
    this.#draws = draws;
    this.#faults = faults;
  }

  /** A new connection. */
  open(): Link {
    return new Link(this);
  }

  stall(direction: Direction, until: Micros): void {
    this.stalledUntil[direction] = Math.max(this.stalledUntil[direction], until);
  }

  get isStalled(): boolean {
    const { there, back } = this.stalledUntil;
    return Math.max(there, back) > this.timeline.now;
  }

  /** When something said now arrives. */
  arrival(direction: Direction): Micros {
    const said = Math.max(this.timeline.now, this.stalledUntil[direction]);
    const at = said + this.delayUs();
    const { quantumUs } = this.#faults;
    return quantumUs > 1 ? Math.ceil(at / quantumUs) * quantumUs : at;
  }

  delayUs(): number {
    const { delayUsMin, delayUsMax, delayUsMean } = this.#faults;
    if (delayUsMean > 0) return delayUsMin + exponential(this.#draws, delayUsMean);
    return delayUsMin + this.#draws.below(delayUsMax);
  }
}

/** One connection: ordered, and gone for good once it is cut. */
export class Link {
  readonly #path: NetworkPath;
  readonly #lastArrival = { there: 0, back: 0 };
  isUp = true;

  constructor(path: NetworkPath) {
    this.#path = path;
  }

  /** Carries one message; messages in one direction never overtake each other. */
  carry(direction: Direction, deliver: () => void): void {
    if (!this.isUp) return;
    const earliest = this.#lastArrival[direction] + 1;
    const arrival = Math.max(this.#path.arrival(direction), earliest);
    this.#lastArrival[direction] = arrival;
    this.#path.timeline.at(arrival, () => {
      if (this.isUp) deliver();
    });
  }

  /** What was on its way never arrives. Neither end is told. */
  cut(): void {
    this.isUp = false;
  }
}

/**
 * Whole numbers, about exponential with this mean, from whole arithmetic alone: the same on every
 * engine. The zeros in front of a draw count halvings; what follows them is spread evenly.
 */
export function exponential(draws: Draws, mean: number): number {
  const drawn = draws.u32();
  const flipped = (0xffffffff - drawn) >>> 0; // A draw of zero is the shortest.
  const halvings = Math.clz32(flipped);
  const rest = halvings >= 31 ? 0 : ((flipped << (halvings + 1)) >>> 0) / 0x100000000;
  return Math.floor(((halvings + 1 - rest) * mean * 693) / 1_000);
}
