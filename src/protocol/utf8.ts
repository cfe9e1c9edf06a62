/**
 * UTF-8 without a platform: text that is not well-formed is refused on both sides, so that two
 * different keys never become one on the way.
 *
 * @module
 */

import { protocolError } from "./frame-format.ts";

/** Bytes of `text` in UTF-8. Throws PROTOCOL_ERROR if it holds half of a surrogate pair. */
export function utf8Length(text: string): number {
  let length = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) continue;
    if (unit < 0x800) length += 1;
    else if (unit < 0xd800 || unit > 0xdfff) length += 2;
    else {
      requirePair(text, i);
      length += 2;
      i++;
    }
  }
  return length;
}

/** Writes `text` at `at`, where there must be room, and returns the position behind it. */
export function writeUtf8(target: Uint8Array, at: number, text: string): number {
  let end = at;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) target[end++] = unit;
    else if (unit < 0x800) {
      target[end++] = 0xc0 | (unit >> 6);
      target[end++] = 0x80 | (unit & 0x3f);
    } else if (unit < 0xd800 || unit > 0xdfff) {
      target[end++] = 0xe0 | (unit >> 12);
      target[end++] = 0x80 | ((unit >> 6) & 0x3f);
      target[end++] = 0x80 | (unit & 0x3f);
    } else {
      requirePair(text, i);
      i++;
      const point = 0x10000 + ((unit & 0x3ff) << 10) + (text.charCodeAt(i) & 0x3ff);
      target[end++] = 0xf0 | (point >> 18);
      target[end++] = 0x80 | ((point >> 12) & 0x3f);
      target[end++] = 0x80 | ((point >> 6) & 0x3f);
      target[end++] = 0x80 | (point & 0x3f);
    }
  }
  return end;
}

/** `text` in UTF-8, in an array of its own. */
export function encodeUtf8(text: string): Uint8Array {
  const bytes = new Uint8Array(utf8Length(text));
  writeUtf8(bytes, 0, text);
  return bytes;
}

const unitsPerPiece = 4096;

/** The text in `bytes[start .. end)`. Throws PROTOCOL_ERROR on anything but well-formed UTF-8. */
export function readUtf8(bytes: Uint8Array, start: number, end: number): string {
  let text = "";
  let units: number[] = [];
  for (let at = start; at < end; ) {
    const lead = bytes[at];
    if (lead < 0x80) {
      units.push(lead);
      at++;
    } else {
      const size = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
      if (lead < 0xc2 || lead > 0xf4 || at + size > end) throw malformed(at - start);
      pushPoint(units, readPoint(bytes, at, size, start));
      at += size;
    }
    if (units.length >= unitsPerPiece) {
      text += String.fromCharCode(...units);
      units = [];
    }
  }
  return text + String.fromCharCode(...units);
}

const smallestPoint = [0, 0, 0x80, 0x800, 0x10000];

function readPoint(bytes: Uint8Array, at: number, size: number, start: number): number {
  let point = bytes[at] & (0x7f >> size);
  for (let i = 1; i < size; i++) {
    const byte = bytes[at + i];
    if ((byte & 0xc0) !== 0x80) throw malformed(at + i - start);
    point = (point << 6) | (byte & 0x3f);
  }
  const isSurrogate = point >= 0xd800 && point <= 0xdfff;
  if (point < smallestPoint[size] || point > 0x10ffff || isSurrogate) throw malformed(at - start);
  return point;
}

function pushPoint(units: number[], point: number): void {
  if (point < 0x10000) units.push(point);
  else units.push(0xd800 + ((point - 0x10000) >> 10), 0xdc00 + ((point - 0x10000) & 0x3ff));
}

function requirePair(text: string, index: number): void {
  const high = text.charCodeAt(index);
  const low = index + 1 < text.length ? text.charCodeAt(index + 1) : 0;
  if (high <= 0xdbff && low >= 0xdc00 && low <= 0xdfff) return;
  throw protocolError(`text cannot travel: half of a surrogate pair at position ${index}`);
}

function malformed(offset: number): Error {
  return protocolError(`text is not well-formed UTF-8 at byte ${offset}`);
}
