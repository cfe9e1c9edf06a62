/**
 * The bytes of one value while it is encoded. Small pieces go into a buffer that is used again;
 * large binary data is only noted, and copied once into the finished value.
 *
 * @module
 */

import { binaryAlignment, shortStringMax, tag } from "./value-format.ts";

const firstBytes = 4 * 1024;
/** A buffer that grew beyond this is not kept for the next value. */
const keptBytesMax = 1024 * 1024;
/** Binary data from this size on is noted; copying less is cheaper than noting it. */
const notedBytesMin = 4 * 1024;
/** Longer strings are written by the platform, shorter ones unit by unit. */
const loopedUnitsMax = 24;

interface NotedBytes {
  /** Where in the buffer of small pieces the data belongs. */
  readonly at: number;
  readonly data: Uint8Array;
}

/** Collects one value; `finish` copies it out, `reset` makes ready for the next. */
export class ValueWriter {
  #bytes = new Uint8Array(firstBytes);
  #view = new DataView(this.#bytes.buffer);
  #text = Buffer.from(this.#bytes.buffer);
  #at = 0;
  #noted: NotedBytes[] = [];
  #notedLength = 0;

  /** Bytes of the value so far. */
  get byteLength(): number {
    return this.#at + this.#notedLength;
  }

  u8(value: number): void {
    if (this.#at === this.#bytes.length) this.#grow(1);
    this.#bytes[this.#at++] = value;
  }

  int32(value: number): void {
    if (this.#at + 4 > this.#bytes.length) this.#grow(4);
    this.#view.setInt32(this.#at, value, true);
    this.#at += 4;
  }

  float64(value: number): void {
    if (this.#at + 8 > this.#bytes.length) this.#grow(8);
    this.#view.setFloat64(this.#at, value, true);
    this.#at += 8;
  }

  /** LEB128; any safe integer from 0. */
  count(value: number): void {
    let rest = value;
    while (rest >= 128) {
      this.u8((rest % 128) + 128);
      rest = Math.floor(rest / 128);
    }
    this.u8(rest);
  }

  /** A string with its tag. Any string: also one that is not well-formed Unicode. */
  string(text: string): void {
    if (text.length > loopedUnitsMax) this.#longString(text);
    else if (!this.#shortLatin1(text)) this.#units(text);
  }

  /** Characters known to be Latin-1, without a tag or a count. */
  latin1(text: string): void {
    this.#reserve(text.length);
    this.#at += this.#text.write(text, this.#at, "latin1");
  }

  /** Padding to the alignment, then the data. */
  binary(data: Uint8Array): void {
    while (this.byteLength % binaryAlignment !== 0) this.u8(0);
    if (data.length >= notedBytesMin) {
      this.#noted.push({ at: this.#at, data });
      this.#notedLength += data.length;
      return;
    }
    this.#reserve(data.length);
    this.#bytes.set(data, this.#at);
    this.#at += data.length;
  }

  /** The finished value, in memory of its own. */
  finish(): Uint8Array {
    if (this.#noted.length === 0) return this.#bytes.slice(0, this.#at);
    // Every byte is written below: memory that is not cleared first saves a pass over it.
    const value = new Uint8Array(Buffer.allocUnsafeSlow(this.byteLength).buffer);
    let from = 0;
    let end = 0;
    for (const { at, data } of this.#noted) {
      value.set(this.#bytes.subarray(from, at), end);
      value.set(data, end + at - from);
      end += at - from + data.length;
      from = at;
    }
    value.set(this.#bytes.subarray(from, this.#at), end);
    return value;
  }

  /** Forgets the value and whatever belongs to the caller. */
  reset(): void {
    this.#at = 0;
    if (this.#noted.length > 0) this.#noted = [];
    this.#notedLength = 0;
    if (this.#bytes.length > keptBytesMax) this.#become(new Uint8Array(firstBytes));
  }

  /** Writes a short string; false, with nothing written, if it is not Latin-1. */
  #shortLatin1(text: string): boolean {
    const { length } = text;
    this.#reserve(length + 1);
    const bytes = this.#bytes;
    const start = this.#at + 1;
    for (let i = 0; i < length; i++) {
      const unit = text.charCodeAt(i);
      if (unit > 0xff) return false;
      bytes[start + i] = unit;
    }
    bytes[this.#at] = tag.shortString + length;
    this.#at = start + length;
    return true;
  }

  #longString(text: string): void {
    if (!isLatin1(text)) {
      this.#units(text);
      return;
    }
    if (text.length <= shortStringMax) this.u8(tag.shortString + text.length);
    else {
      this.u8(tag.latin1);
      this.count(text.length);
    }
    this.latin1(text);
  }

  #units(text: string): void {
    this.u8(tag.utf16);
    this.count(text.length);
    this.#reserve(2 * text.length);
    this.#at += this.#text.write(text, this.#at, "utf16le");
  }

  #reserve(length: number): void {
    if (this.#at + length > this.#bytes.length) this.#grow(length);
  }

  #grow(length: number): void {
    const larger = new Uint8Array(Math.max(2 * this.#bytes.length, this.#at + length));
    larger.set(this.#bytes.subarray(0, this.#at));
    this.#become(larger);
  }

  #become(bytes: Uint8Array<ArrayBuffer>): void {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
    this.#text = Buffer.from(bytes.buffer);
  }
}

function isLatin1(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0xff) return false;
  return true;
}
