/**
 * Fields out of the payload of one frame. Every length is compared with what the frame still holds
 * before anything is allocated; every column is copied out, aligned, so that it does not keep the
 * chunk alive that it came in.
 *
 * @module
 */

import { assertNever } from "../base/assert.ts";
import { type Blobs, emptyBlobs } from "../base/blobs.ts";
import { protocolError } from "./frame-format.ts";
import type { FieldKind, FieldValues } from "./schema.ts";
import { readUtf8 } from "./utf8.ts";

/** Up to so many entries are read one by one: cheaper than making views of their bytes. */
const fewEntries = 8;

/** Reads fields in order from `bytes[start .. end)`. Throws PROTOCOL_ERROR naming the field. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;
  #end = 0;
  #message = "";
  #field = "";

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Begins the payload of a message, which errors call `message`. */
  begin(start: number, end: number, message: string): void {
    this.#at = start;
    this.#end = end;
    this.#message = message;
  }

  field(name: string, kind: FieldKind): FieldValues[FieldKind] {
    this.#field = name;
    switch (kind) {
      case "u32":
        return this.#u32();
      case "f64":
        return this.#f64();
      case "u8s":
        return this.#u8s();
      case "u32s":
        return this.#u32s();
      case "f64s":
        return this.#f64s();
      case "blobs":
        return this.#blobs();
      case "strings":
        return this.#strings();
      default:
        return assertNever(kind);
    }
  }

  /** Throws unless every byte of the payload was read. */
  finish(): void {
    const left = this.#end - this.#at;
    if (left === 0) return;
    throw protocolError(`${this.#message}: ${left} bytes follow the last field`);
  }

  #need(length: number): void {
    const left = this.#end - this.#at;
    if (length <= left) return;
    throw protocolError(
      `${this.#message}.${this.#field} needs ${length} bytes, the frame has ${left} left`,
    );
  }

  #u32(): number {
    this.#need(4);
    const value = this.#view.getUint32(this.#at, true);
    this.#at += 4;
    return value;
  }

  #f64(): number {
    this.#need(8);
    const value = this.#view.getFloat64(this.#at, true);
    this.#at += 8;
    return value;
  }

  #u8s(): Uint8Array {
    const count = this.#u32();
    this.#need(count);
    return this.#copy(new Uint8Array(count));
  }

  #u32s(): Uint32Array {
    const count = this.#u32();
    this.#need(4 * count);
    const column = new Uint32Array(count);
    if (count > fewEntries) this.#copy(new Uint8Array(column.buffer));
    else for (let i = 0; i < count; i++) column[i] = this.#u32();
    return column;
  }

  #f64s(): Float64Array {
    const count = this.#u32();
    this.#need(8 * count);
    const column = new Float64Array(count);
    if (count > fewEntries) this.#copy(new Uint8Array(column.buffer));
    else for (let i = 0; i < count; i++) column[i] = this.#f64();
    return column;
  }

  #blobs(): Blobs {
    const count = this.#u32();
    if (count === 0) return emptyBlobs;
    this.#need(4 * count);
    const offsets = new Uint32Array(count + 1);
    if (count > fewEntries) this.#copy(new Uint8Array(offsets.buffer, 4));
    else for (let i = 1; i <= count; i++) offsets[i] = this.#u32();
    this.#requireRising(offsets);
    this.#need(offsets[count]);
    return { offsets, data: this.#copy(new Uint8Array(offsets[count])) };
  }

  #requireRising(offsets: Uint32Array): void {
    for (let i = 1; i < offsets.length; i++) {
      if (offsets[i] >= offsets[i - 1]) continue;
      throw protocolError(`${this.#message}.${this.#field}: entry ${i - 1} has a negative length`);
    }
  }

  #strings(): string[] {
    const count = this.#u32();
    this.#need(4 * count);
    const strings: string[] = [];
    for (let i = 0; i < count; i++) {
      const length = this.#u32();
      this.#need(length);
      strings.push(readUtf8(this.#bytes, this.#at, this.#at + length));
      this.#at += length;
    }
    return strings;
  }

  #copy<T extends Uint8Array>(target: T): T {
    const end = this.#at + target.length;
    target.set(this.#bytes.subarray(this.#at, end));
    this.#at = end;
    return target;
  }
}
