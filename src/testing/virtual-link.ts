/**
 * The connection between two peers: in order, with delay. While its network is cut nothing arrives
 * and nobody is told; what was said arrives when it is whole again, unless somebody gave up first.
 *
 * @module
 */

import type { Prng } from "../base/prng.ts";
import { Link } from "../simulator/link.ts";
import type { VirtualTime } from "./virtual-time.ts";

/** Two machines, or a machine and a client, as the network sees them. */
export interface Route {
  isCut: boolean;
}

export class VirtualLink {
  readonly #link: Link;
  readonly #route: Route;
  #held: (() => void)[] = [];

  constructor(time: VirtualTime, prng: Prng, options: { delayUsMax: number; route: Route }) {
    this.#link = new Link(time.timeline, prng, options.delayUsMax);
    this.#route = options.route;
  }

  get isUp(): boolean {
    return this.#link.isUp;
  }

  carry(direction: "there" | "back", deliver: () => void): void {
    this.#link.carry(direction, () => {
      if (this.#route.isCut) this.#held.push(deliver);
      else deliver();
    });
  }

  /** The network is whole again. */
  heal(): void {
    const held = this.#held;
    this.#held = [];
    for (const deliver of held) if (this.isUp) deliver();
  }

  cut(): void {
    this.#link.cut();
    this.#held = [];
  }
}
