/**
 * Numbers on the command line. An error names what was expected and what was given.
 *
 * @module
 */

/** A number, such as `0.5`. Throws RangeError for anything else. */
export function parseNumber(text: string): number {
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (Number.isFinite(value) && value >= 0) return value;
  throw new RangeError(`expected a number, 0 or more, not "${text}"`);
}

/** A whole number, 1 or more. Throws RangeError for anything else. */
export function parseCount(text: string): number {
  const value = parseWhole(text);
  if (value >= 1) return value;
  throw new RangeError(`expected a whole number, 1 or more, not "${text}"`);
}

/** A whole number, 0 or more. Throws RangeError for anything else. */
export function parseWhole(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new RangeError(`expected a whole number, 0 or more, not "${text}"`);
}

/** A port, 0 (any free one) to 65535. Throws RangeError for anything else. */
export function parsePort(text: string): number {
  const value = parseWhole(text);
  if (value <= 65_535) return value;
  throw new RangeError(`expected a port, 0 to 65535, not "${text}"`);
}
