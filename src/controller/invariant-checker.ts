/**
 * Checks the invariants after every event at the price of what the event changed.
 *
 * What changed nothing that a rule reads is passed over, and a small state is looked at whole. In a
 * larger one the rules are checked on the records that the facts of the step touched and on their
 * neighbours, with sums that are kept row by row; after a number of events, and at rest, the whole
 * is looked at.
 *
 * @module
 */

import type { Fact } from "./facts.ts";
import { Inspection } from "./invariants/inspection.ts";
import { Subjects } from "./invariants/subjects.ts";
import { addTouched, reachOf } from "./invariants/touched.ts";
import { assertNone, inspect, inspectAll } from "./invariants.ts";
import type { ControllerState } from "./state.ts";

/** When a state is looked at whole. */
export interface CheckOptions {
  /** Up to so many live tasks after every event; default 30. More is slower. */
  readonly wholeUpTo?: number;
  /** Every so many events in a larger state; default 64. More finds what no fact names later. */
  readonly wholeEvery?: number;
}

export class InvariantChecker {
  readonly #wholeUpTo: number;
  readonly #wholeEvery: number;
  readonly #subjects = new Subjects();
  #look: Inspection | null = null;
  #untilWhole = 0;

  constructor({ wholeUpTo = 30, wholeEvery = 64 }: CheckOptions = {}) {
    this.#wholeUpTo = wholeUpTo;
    this.#wholeEvery = wholeEvery;
  }

  /** After a step that recorded these facts. Throws InvariantError with every violated rule. */
  check(state: ControllerState, facts: readonly Fact[]): void {
    const look = this.#lookAt(state);
    const isDue = --this.#untilWhole <= 0;
    const reach = isDue ? "everything" : reachOf(facts);
    if (reach === "unread") return;
    const isSmall = state.tasks.live <= this.#wholeUpTo;
    if (isSmall || reach === "everything") this.#checkWhole(look);
    else if (reach === "something") this.#checkTouched(look, facts);
    assertNone(state, look.violations);
  }

  /** Looks at the whole state, as after every event of a small one. */
  checkAll(state: ControllerState): void {
    const look = this.#lookAt(state);
    this.#checkWhole(look);
    assertNone(state, look.violations);
  }

  #checkTouched(look: Inspection, facts: readonly Fact[]): void {
    const subjects = this.#subjects;
    subjects.clear();
    addTouched(look, facts, subjects);
    look.tally.recountRows(look.state, subjects.tasks, subjects.attempts);
    subjects.keepLive(look.state);
    inspect(look, subjects);
  }

  #checkWhole(look: Inspection): void {
    this.#untilWhole = this.#wholeEvery;
    inspectAll(look, this.#subjects);
  }

  /** The sums of another state, as after a restart, say nothing about this one. */
  #lookAt(state: ControllerState): Inspection {
    if (this.#look?.state === state) return this.#look;
    this.#untilWhole = 0;
    this.#look = new Inspection(state);
    return this.#look;
  }
}
