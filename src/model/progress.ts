/**
 * How far a running task says it is: for people, nothing is decided by it.
 *
 * @module
 */

import { progressNoteCharactersMax } from "./limits.ts";
import { invalidArgument } from "./parse-fields.ts";

/** What a running task says of itself. */
export interface Progress {
  /** How much is done, from 0 to 1. */
  readonly fraction: number;
  /** A sentence beside it; "" for none. */
  readonly note: string;
}

export function isFraction(value: unknown): value is number {
  return typeof value === "number" && value >= 0 && value <= 1;
}

/** Throws INVALID_ARGUMENT naming `fraction` or `note`. */
export function parseProgress(fraction: unknown, note: unknown): Progress {
  if (!isFraction(fraction)) throw invalidArgument("fraction", fraction, "a number from 0 to 1");
  if (typeof note !== "string" || note.length > progressNoteCharactersMax) {
    const expected = `a string of at most ${progressNoteCharactersMax} characters`;
    throw invalidArgument("note", note, expected);
  }
  return { fraction, note };
}
