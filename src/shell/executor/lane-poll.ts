/**
 * The look at lanes now and then, for what their threads do not tell: results that wait for a
 * notice, and what has been running for a while.
 *
 * @module
 */

import type { Lane } from "./lane.ts";
import { lanePollMs } from "./limits.ts";

export class LanePoll {
  readonly #lanes: () => Iterable<Lane>;
  readonly #onLooked: () => void;
  #timer: NodeJS.Timeout | null = null;
  #isClosed = false;

  /** `onLooked` is called after each look. */
  constructor(lanes: () => Iterable<Lane>, onLooked: () => void) {
    this.#lanes = lanes;
    this.#onLooked = onLooked;
  }

  /** Looks soon if there may be something to see, and again as long as there may. */
  arm(): void {
    if (this.#timer !== null || this.#isClosed) return;
    for (const lane of this.#lanes()) {
      if (!lane.wantsPoll) continue;
      this.#timer = setTimeout(() => this.#look(), lanePollMs);
      return;
    }
  }

  close(): void {
    this.#isClosed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  #look(): void {
    this.#timer = null;
    for (const lane of this.#lanes()) lane.poll();
    this.#onLooked();
    this.arm();
  }
}
