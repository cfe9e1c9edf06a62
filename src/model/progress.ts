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

/**
 * What a function says of itself, made to fit: rounding, an empty loop or a long message must not
 * end hours of work. A fraction outside of 0 to 1 is the nearer of these, no number at all (0/0) is
 * 0, and a long note is cut. Throws INVALID_ARGUMENT for what is no number or no string.
 */
export function fitProgress(fraction: unknown, note: unknown): Progress {
  if (typeof fraction !== "number") throw invalidArgument("fraction", fraction, "a number");
  if (typeof note !== "string") throw invalidArgument("note", note, "a string");
  const fitted = Number.isNaN(fraction) ? 0 : Math.min(1, Math.max(0, fraction));
  return { fraction: fitted, note: cutNote(note) };
}

function cutNote(note: string): string {
  if (note.length <= progressNoteCharactersMax) return note;
  const cut = note.slice(0, progressNoteCharactersMax - 1);
  return `${cut.replace(/[\uD800-\uDBFF]$/, "")}…`; // Not the first half of a character.
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
