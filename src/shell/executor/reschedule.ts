/**
 * How a function asks to run later, elsewhere if it can be: by throwing what its executor knows.
 *
 * This module is loaded by clients too: it must not start threads or touch the network.
 *
 * @module
 */

/** Under this symbol it is known, whichever copy of this package threw it. */
const mark = Symbol.for("capstan.reschedule");

export class Rescheduled extends Error {
  override readonly name = "Rescheduled";
  readonly [mark] = true;

  constructor(reason: string) {
    super(reason === "" ? "the task asked to run later" : reason);
  }
}

/** What it means that a function threw this. */
export function causeOfThrown(thrown: unknown): "failed" | "rescheduled" {
  const isAsked = thrown instanceof Error && mark in thrown;
  return isAsked ? "rescheduled" : "failed";
}
