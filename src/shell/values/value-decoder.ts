/**
 * Bytes to values. The bytes may come from anywhere: every count is compared with what is left
 * before anything is made from it, and nothing but PROTOCOL_ERROR is thrown for what they say.
 *
 * @module
 */

import { constants } from "node:buffer";
import { CapstanError } from "../../model/errors.ts";
import { bigintDigitsMax, valueDepthMax, viewBytesMin } from "./limits.ts";
import { cachedCharsMax, cachedLatin1 } from "./text-cache.ts";
import { binaryAlignment, binaryKinds, errorFlag, tag, valueFormat } from "./value-format.ts";

/** How a value is decoded. */
export interface DecodeOptions {
  /** The value of input `index`, where the encoded value refers to one. May throw. */
  readonly input?: (index: number) => unknown;
}

/** A Map or Set has no room for more entries. */
const entriesMax = 2 ** 24 - 1;

/** Decodes one value, once. */
export class ValueDecoder {
  readonly #bytes: Uint8Array;
  readonly #input: DecodeOptions["input"];
  #view: DataView | null = null;
  #text: Buffer | null = null;
  #at = 0;
  #depth = 0;
  #shapes: string[][] | null = null;

  constructor(bytes: Uint8Array, options: DecodeOptions) {
    this.#bytes = bytes;
    this.#input = options.input;
  }

  /** The whole value. Throws PROTOCOL_ERROR if the bytes are anything else, or more. */
  decode(): unknown {
    const format = this.#u8();
    if (format !== valueFormat) {
      throw malformed(`has the format ${format}, this release reads format ${valueFormat}`);
    }
    const value = this.#value();
    const left = this.#bytes.length - this.#at;
    if (left !== 0) throw malformed(`has ${left} bytes after its end`);
    return value;
  }

  #value(): unknown {
    const code = this.#u8();
    if (code >= tag.smallInteger) return code - tag.smallInteger;
    if (code >= tag.shortString) return this.#latin1(code - tag.shortString);
    return this.#tagged(code);
  }

  #tagged(code: number): unknown {
    switch (code) {
      case tag.null:
        return null;
      case tag.undefined:
        return undefined;
      case tag.false:
        return false;
      case tag.true:
        return true;
      case tag.int32:
        return this.#int32();
      case tag.float64:
        return this.#float64();
      case tag.bigint:
        return this.#bigint();
      case tag.negativeBigint:
        return -this.#bigint();
      case tag.latin1:
        return this.#latin1(this.#count());
      case tag.utf16:
        return this.#utf16();
      case tag.array:
        return this.#array();
      case tag.int32s:
        return this.#int32s();
      case tag.float64s:
        return this.#float64s();
      case tag.newShape:
        return this.#newShape();
      case tag.shape:
        return this.#shaped();
      case tag.map:
        return this.#map();
      case tag.set:
        return this.#set();
      case tag.date:
        return new Date(this.#float64());
      case tag.error:
        return this.#error();
      case tag.binary:
        return this.#binary();
      case tag.reference:
        return this.#reference();
      default:
        throw malformed(`has the unknown tag ${code}`);
    }
  }

  #u8(): number {
    if (this.#at >= this.#bytes.length) throw malformed("is truncated");
    return this.#bytes[this.#at++];
  }

  /** Steps over `length` bytes that must be there; returns where they start. */
  #take(length: number): number {
    const start = this.#at;
    if (length > this.#bytes.length - start) throw malformed("is truncated");
    this.#at = start + length;
    return start;
  }

  #int32(): number {
    return this.#dataView().getInt32(this.#take(4), true);
  }

  #float64(): number {
    return this.#dataView().getFloat64(this.#take(8), true);
  }

  #count(): number {
    let value = 0;
    let unit = 1;
    for (;;) {
      const byte = this.#u8();
      value += (byte & 0x7f) * unit;
      if (byte < 128) break;
      unit *= 128;
      if (unit > 2 ** 46) throw malformed("has a count out of range");
    }
    return value;
  }

  /** A count of things that take `size` bytes each, all of which must be there. */
  #countOf(size: number): number {
    const count = this.#count();
    if (count * size > this.#bytes.length - this.#at) throw malformed("is truncated");
    return count;
  }

  #bigint(): bigint {
    const length = this.#countOf(1);
    if (length === 0 || length > bigintDigitsMax) throw malformed("has a bigint of bad length");
    const digits = this.#latin1(length);
    if (!/^[0-9a-f]+$/.test(digits)) throw malformed("has a bigint that is not hexadecimal");
    return BigInt(`0x${digits}`);
  }

  #latin1(length: number): string {
    const start = this.#take(length);
    if (length <= cachedCharsMax) return cachedLatin1(this.#bytes, start, length);
    requireStringFits(length);
    return this.#textBuffer().toString("latin1", start, start + length);
  }

  #utf16(): string {
    const length = this.#countOf(2);
    requireStringFits(length);
    const start = this.#take(2 * length);
    return this.#textBuffer().toString("utf16le", start, start + 2 * length);
  }

  #string(): string {
    const code = this.#u8();
    if (code >= tag.shortString && code < tag.smallInteger) {
      return this.#latin1(code - tag.shortString);
    }
    if (code === tag.latin1) return this.#latin1(this.#count());
    if (code === tag.utf16) return this.#utf16();
    throw malformed(`has the tag ${code} where a string must be`);
  }

  /** Grows as elements come: what a count announces is not believed. */
  #array(): unknown[] {
    const count = this.#countOf(1);
    this.#enter();
    const array: unknown[] = [];
    for (let i = 0; i < count; i++) array.push(this.#value());
    this.#depth--;
    return array;
  }

  #int32s(): number[] {
    const count = this.#countOf(4);
    const view = this.#dataView();
    const start = this.#take(4 * count);
    const array = new Array<number>(count);
    for (let i = 0; i < count; i++) array[i] = view.getInt32(start + 4 * i, true);
    return array;
  }

  #float64s(): number[] {
    const count = this.#countOf(8);
    const view = this.#dataView();
    const start = this.#take(8 * count);
    const array = new Array<number>(count);
    for (let i = 0; i < count; i++) array[i] = view.getFloat64(start + 8 * i, true);
    return array;
  }

  #newShape(): object {
    const count = this.#countOf(1);
    const keys: string[] = [];
    for (let i = 0; i < count; i++) keys.push(this.#string());
    this.#shapes ??= [];
    this.#shapes.push(keys);
    return this.#record(keys);
  }

  #shaped(): object {
    const keys = this.#shapes?.[this.#count()];
    if (keys === undefined) throw malformed("names a shape that was not defined");
    return this.#record(keys);
  }

  #record(keys: readonly string[]): object {
    this.#enter();
    const record: { [key: string]: unknown } = {};
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i];
      const value = this.#value();
      if (key === "__proto__") defineOwn(record, key, value);
      else record[key] = value;
    }
    this.#depth--;
    return record;
  }

  #map(): Map<unknown, unknown> {
    const count = this.#entryCount(2);
    this.#enter();
    const map = new Map<unknown, unknown>();
    for (let i = 0; i < count; i++) {
      const key = this.#value();
      map.set(key, this.#value());
    }
    this.#depth--;
    return map;
  }

  #set(): Set<unknown> {
    const count = this.#entryCount(1);
    this.#enter();
    const set = new Set<unknown>();
    for (let i = 0; i < count; i++) set.add(this.#value());
    this.#depth--;
    return set;
  }

  #entryCount(size: number): number {
    const count = this.#countOf(size);
    if (count > entriesMax) throw malformed(`has a collection of ${count} entries`);
    return count;
  }

  #error(): Error {
    this.#enter();
    const flags = this.#u8();
    const name = this.#string();
    const error = newError(name, this.#string());
    defineHidden(error, "stack", this.#string());
    if (error.name !== name) defineHidden(error, "name", name);
    if ((flags & errorFlag.cause) !== 0) defineHidden(error, "cause", this.#value());
    if ((flags & errorFlag.errors) !== 0) defineHidden(error, "errors", this.#value());
    this.#depth--;
    return error;
  }

  #binary(): object {
    const code = this.#u8();
    const kind = binaryKinds[code];
    if (kind === undefined) throw malformed(`has binary data of the unknown kind ${code}`);
    const length = this.#count();
    if (length % kind.size !== 0) throw malformed(`has ${length} bytes of ${kind.size}-byte items`);
    this.#take((binaryAlignment - (this.#at % binaryAlignment)) % binaryAlignment);
    const { buffer, byteOffset } = this.#bytes;
    const offset = byteOffset + this.#take(length);
    if (length >= viewBytesMin && offset % kind.size === 0)
      return kind.view(buffer, offset, length);
    return kind.view(buffer.slice(offset, offset + length), 0, length);
  }

  #reference(): unknown {
    const index = this.#count();
    if (this.#input === undefined) throw malformed(`refers to input ${index}, but has no inputs`);
    return this.#input(index);
  }

  #enter(): void {
    if (++this.#depth > valueDepthMax) throw malformed(`is nested deeper than ${valueDepthMax}`);
  }

  #dataView(): DataView {
    const { buffer, byteOffset, byteLength } = this.#bytes;
    this.#view ??= new DataView(buffer, byteOffset, byteLength);
    return this.#view;
  }

  #textBuffer(): Buffer {
    const { buffer, byteOffset, byteLength } = this.#bytes;
    this.#text ??= Buffer.from(buffer, byteOffset, byteLength);
    return this.#text;
  }
}

const errorClasses: { readonly [name: string]: new (message: string) => Error } = {
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
};

function newError(name: string, message: string): Error {
  if (name === "AggregateError") return new AggregateError([], message);
  if (Object.hasOwn(errorClasses, name)) return new errorClasses[name](message);
  return new Error(message);
}

/** As errors have them: not listed among the object's keys. */
function defineHidden(target: object, key: string, value: unknown): void {
  Object.defineProperty(target, key, { value, writable: true, configurable: true });
}

/** An own property even of a name that assignment would treat otherwise. */
function defineOwn(target: object, key: string, value: unknown): void {
  Object.defineProperty(target, key, {
    value,
    writable: true,
    configurable: true,
    enumerable: true,
  });
}

function requireStringFits(length: number): void {
  if (length > constants.MAX_STRING_LENGTH) throw malformed(`has a string of ${length} characters`);
}

function malformed(what: string): CapstanError {
  return new CapstanError("PROTOCOL_ERROR", `an encoded value ${what}`);
}
