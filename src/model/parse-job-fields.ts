/**
 * Fields of a job, one at a time. A value of a wrong type is INVALID_ARGUMENT, as everywhere; one
 * of the right type that no job can have is INVALID_SPEC. Each refusal names the field, shows the
 * value and says what was expected.
 *
 * @module
 */

import type { CapstanError } from "./errors.ts";
import { invalidArgument, invalidSpec, showValue } from "./parse-fields.ts";

const sha256Pattern = /^[0-9a-f]{64}$/;

/** `field: value is not expected`, for a value that has the right type. */
export function impossibleValue(field: string, value: unknown, expected: string): CapstanError {
  return invalidSpec(field, `${showValue(value)} is not ${expected}`);
}

/** A whole number from `least` to `most`, both included. */
export function parseWholeNumber(
  field: string,
  value: unknown,
  least: number,
  most: number,
): number {
  const expected = `a whole number from ${least} to ${most}`;
  if (typeof value !== "number") throw invalidArgument(field, value, expected);
  const isWithin = Number.isInteger(value) && value >= least && value <= most;
  if (!isWithin) throw impossibleValue(field, value, expected);
  return value === 0 ? 0 : value; // -0 is 0: what is interned must not tell them apart.
}

/**
 * A string of at most `charactersMax` characters that a system call can take: without NUL, where it
 * would end, and without half a character, which has no bytes.
 */
export function parseTextWithoutNul(field: string, value: unknown, charactersMax: number): string {
  const expected = `a string of at most ${charactersMax} characters, none of them NUL`;
  if (typeof value !== "string") throw invalidArgument(field, value, expected);
  if (value.length > charactersMax || value.includes("\0") || !isWellFormed(value)) {
    throw impossibleValue(field, value, expected);
  }
  return value;
}

/** False if the text holds half of a surrogate pair. */
export function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text);
}

/** Bytes of a well-formed text in UTF-8. */
export function utf8Length(text: string): number {
  let bytes = 0;
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    if (code < 0x80) bytes += 1;
    else if (code < 0x800) bytes += 2;
    else bytes += code < 0x10000 ? 3 : 4;
  }
  return bytes;
}

/** A SHA-256 in lower-case hex. */
export function parseSha256(field: string, value: unknown): string {
  const expected = "a SHA-256: 64 lower-case hexadecimal digits";
  if (typeof value !== "string") throw invalidArgument(field, value, expected);
  if (!sha256Pattern.test(value)) throw impossibleValue(field, value, expected);
  return value;
}

/** One of a closed set of upper-case names, written in any case. */
export function parseName<T extends string>(field: string, value: unknown, set: readonly T[]): T {
  const expected = `one of ${set.join(", ")}`;
  if (typeof value !== "string") throw invalidArgument(field, value, expected);
  const found = set.find((member) => member === value.toUpperCase());
  if (found === undefined) throw invalidArgument(field, value, expected);
  return found;
}

/** Exit codes, sorted, each once. */
export function parseExitCodes(field: string, value: unknown, least: 0 | 1): readonly number[] {
  if (!Array.isArray(value)) throw invalidArgument(field, value, "an array of exit codes");
  const codes = value.map((code: unknown, index) => {
    const at = `${field}[${index}]`;
    if (code === 0 && least === 1) {
      throw invalidSpec(at, "0 is success, which is never tried again; leave it out");
    }
    return parseWholeNumber(at, code, least, 255);
  });
  return [...new Set(codes)].sort((a, b) => a - b);
}
