/**
 * A column of texts as bytes: a million short texts are two objects and not a million.
 *
 * Each unit of a text (16 bits) is one to three bytes, as UTF-8 writes it. Pairs of units that are
 * one character stay two, so every text comes back as it was, halves of pairs too.
 *
 * @module
 */

import { type Blobs, emptyBlobs } from "./blobs.ts";

/** The texts as byte strings. */
export function textsOf(texts: readonly string[]): Blobs {
  if (texts.length === 0) return emptyBlobs;
  const offsets = new Uint32Array(texts.length + 1);
  for (let i = 0; i < texts.length; i++) offsets[i + 1] = offsets[i] + byteLength(texts[i]);
  const data = new Uint8Array(offsets[texts.length]);
  for (let i = 0; i < texts.length; i++) write(data, offsets[i], texts[i]);
  return { offsets, data };
}

function byteLength(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit >= 0x80) bytes += unit < 0x800 ? 1 : 2;
  }
  return bytes;
}

function write(data: Uint8Array, start: number, text: string): void {
  let at = start;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) data[at++] = unit;
    else {
      if (unit < 0x800) data[at++] = 0xc0 | (unit >> 6);
      else {
        data[at++] = 0xe0 | (unit >> 12);
        data[at++] = 0x80 | ((unit >> 6) & 0x3f);
      }
      data[at++] = 0x80 | (unit & 0x3f);
    }
  }
}

/** Text `index`. */
export function textAt({ offsets, data }: Blobs, index: number): string {
  let text = "";
  for (let at = offsets[index]; at < offsets[index + 1]; at += width(data[at])) {
    text += String.fromCharCode(unitAt(data, at));
  }
  return text;
}

/** Whether text `index` is this one; makes no text of it. */
export function isTextAt({ offsets, data }: Blobs, index: number, text: string): boolean {
  const end = offsets[index + 1];
  let at = offsets[index];
  for (let i = 0; i < text.length; i++) {
    if (at >= end || unitAt(data, at) !== text.charCodeAt(i)) return false;
    at += width(data[at]);
  }
  return at === end;
}

function width(first: number): number {
  if (first < 0x80) return 1;
  return first < 0xe0 ? 2 : 3;
}

function unitAt(data: Uint8Array, at: number): number {
  const first = data[at];
  if (first < 0x80) return first;
  if (first < 0xe0) return ((first & 0x1f) << 6) | (data[at + 1] & 0x3f);
  return ((first & 0x0f) << 12) | ((data[at + 1] & 0x3f) << 6) | (data[at + 2] & 0x3f);
}

/** A well-mixed u32 of a text, beginning from `seed`. */
export function hashOfText(seed: number, text: string): number {
  let hash = seed ^ 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
