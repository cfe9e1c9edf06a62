/**
 * Numbers on the command line. An error names what was expected and what was given.
 *
 * @module
 */

import { CapstanError } from "../model/errors.ts";
import { parseMemoryBytes } from "../model/parse-quantities.ts";

/** A number, such as `0.5`. Throws RangeError for anything else. */
export function parseNumber(text: string): number {
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (Number.isFinite(value) && value >= 0) return value;
  throw new RangeError(`expected a number, 0 or more, not "${text}"`);
}

/** A whole number, 1 or more. Throws RangeError for anything else. */
export function parseCount(text: string): number {
  if (/^0*[1-9]\d{0,14}$/.test(text)) return Number(text);
  throw new RangeError(`expected a whole number, 1 or more, not "${text}"`);
}

/** A whole number, 0 or more. Throws RangeError for anything else. */
export function parseWhole(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new RangeError(`expected a whole number, 0 or more, not "${text}"`);
}

/** Seconds above 0, with decimals. Throws RangeError for anything else. */
export function parseSeconds(text: string): number {
  const seconds = parseNumber(text);
  if (seconds > 0) return seconds;
  throw new RangeError(`expected a number of seconds above 0, not "${text}"`);
}

/** A whole number of either sign. Throws RangeError for anything else. */

export function parseInteger(text: string): number {
  if (/^-?\d{1,15}$/.test(text)) return Number(text);
  throw new RangeError(`expected a whole number, not "${text}"`);
}

/** An exit code, 0 to 255. Throws RangeError for anything else. */
export function parseExitCode(text: string): number {
  const value = parseWhole(text);
  if (value <= 255) return value;
  throw new RangeError(`expected an exit code, 0 to 255, not "${text}"`);
}

/** A port, 0 (any free one) to 65535. Throws RangeError for anything else. */
export function parsePort(text: string): number {
  const value = parseWhole(text);
  if (value <= 65_535) return value;
  throw new RangeError(`expected a port, 0 to 65535, not "${text}"`);
}

/** The least number that is believed to be bytes when it has no unit: 1 MiB. */
const bareBytesMin = 1_048_576;

/**
 * Bytes of `"8g"`. A number without a unit is bytes, but one that is too small to be meant as
 * bytes is refused: whoever types `--memory 8` does not want eight of them.
 *
 * @throws CapstanError INVALID_ARGUMENT
 */
export function parseMemoryText(flag: string, text: string): number {
  if (!/^\d+$/.test(text)) return parseMemoryBytes(flag, text);
  const bytes = Number(text);
  if (bytes === 0 || bytes >= bareBytesMin) return parseMemoryBytes(flag, bytes);
  const what = `${flag} ${text} would be ${text} bytes: write a unit, such as ${flag} ${text}g`;
  throw new CapstanError("INVALID_ARGUMENT", what);
}
