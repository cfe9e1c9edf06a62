/**
 * The line in which threads and processes wait to be started: a few at a time, first come, first
 * served. A start is mostly compiling; if all of them start together the first is ready when the
 * last one is.
 *
 *     waiting ─▶ starting ─▶ over
 *        └──────────────────▶ over (nobody wants it any more)
 *
 * A start is over when the thread or process has loaded what it is to run, before it runs any of
 * it: what runs may wait for others that stand in line. Loading runs code of users as well, so
 * what takes too long keeps nobody waiting.
 *
 * @module
 */

import { availableParallelism } from "node:os";
import { startsMin, startTurnMsMax } from "./limits.ts";

/** One start, in line or under way. */
export interface StartTurn {
  /** It has not begun; it never will if it is ended now. */
  readonly isWaiting: boolean;
  /** It is over, or is not wanted any more: the next one begins. Says nothing the second time. */
  end(): void;
}

export class ExecutorStarts {
  readonly #max: number;
  readonly #turnMsMax: number;
  readonly #waiting = new Set<Turn>();
  #startingCount = 0;

  /** `max`: starts at the same time; default: one for each core, `startsMin` at least. */
  constructor(max = Math.max(startsMin, availableParallelism()), turnMsMax = startTurnMsMax) {
    this.#max = max;
    this.#turnMsMax = turnMsMax;
  }

  /** Takes a place in line. `begin` is called when it is its turn, which may be at once. */
  join(begin: () => void): StartTurn {
    const turn = new Turn(begin, (wasWaiting) => this.#leave(turn, wasWaiting));
    this.#waiting.add(turn);
    this.#beginNext();
    return turn;
  }

  #beginNext(): void {
    for (const turn of this.#waiting) {
      if (this.#startingCount >= this.#max) return;
      this.#waiting.delete(turn);
      this.#startingCount++;
      turn.begin(this.#turnMsMax);
    }
  }

  #leave(turn: Turn, wasWaiting: boolean): void {
    if (wasWaiting) this.#waiting.delete(turn);
    else this.#startingCount--;
    this.#beginNext();
  }
}

class Turn implements StartTurn {
  readonly #begin: () => void;
  readonly #onOver: (wasWaiting: boolean) => void;
  #stage: "waiting" | "starting" | "over" = "waiting";
  #timer: NodeJS.Timeout | null = null;

  constructor(begin: () => void, onOver: (wasWaiting: boolean) => void) {
    this.#begin = begin;
    this.#onOver = onOver;
  }

  get isWaiting(): boolean {
    return this.#stage === "waiting";
  }

  begin(msMax: number): void {
    this.#stage = "starting";
    this.#timer = setTimeout(() => this.end(), msMax).unref();
    this.#begin();
  }

  end(): void {
    if (this.#stage === "over") return;
    const wasWaiting = this.isWaiting;
    this.#stage = "over";
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#onOver(wasWaiting);
  }
}
