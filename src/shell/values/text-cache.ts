/**
 * Short strings that were decoded before: object keys, mostly. A hit costs a hash and a comparison
 * and yields the very string that the engine already knows as a property name.
 *
 * @module
 */

/** Longer strings are not kept. */
export const cachedCharsMax = 24;

const slots = 2048;
const cached: string[] = new Array<string>(slots).fill("");
const units: number[] = [];

/** The Latin-1 string in `bytes[at .. at + length)`; `length` is at most `cachedCharsMax`. */
export function cachedLatin1(bytes: Uint8Array, at: number, length: number): string {
  if (length === 1) return String.fromCharCode(bytes[at]);
  let hash = length;
  for (let i = 0; i < length; i++) hash = (Math.imul(hash, 31) + bytes[at + i]) | 0;
  const slot = (hash ^ (hash >>> 11)) & (slots - 1);
  const candidate = cached[slot];
  if (isAt(candidate, bytes, at, length)) return candidate;
  const text = readLatin1(bytes, at, length);
  cached[slot] = text;
  return text;
}

function isAt(text: string, bytes: Uint8Array, at: number, length: number): boolean {
  if (text.length !== length) return false;
  for (let i = 0; i < length; i++) if (text.charCodeAt(i) !== bytes[at + i]) return false;
  return true;
}

function readLatin1(bytes: Uint8Array, at: number, length: number): string {
  units.length = length;
  for (let i = 0; i < length; i++) units[i] = bytes[at + i];
  return String.fromCharCode.apply(null, units);
}
