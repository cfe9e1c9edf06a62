/**
 * Values to bytes in one pass that checks as it goes: what cannot travel is refused with its path
 * before anything is sent. The same object met twice is written twice; a circle is refused.
 *
 * @module
 */

import { CapstanError } from "../../model/errors.ts";
import { bigintDigitsMax, valueBytesMax, valueDepthMax } from "./limits.ts";
import {
  binaryKindOf,
  errorFlag,
  packedCountMin,
  smallIntegerMax,
  tag,
  valueFormat,
} from "./value-format.ts";
import { describeForeign, pathOf } from "./value-path.ts";
import { ValueWriter } from "./value-writer.ts";

/** How a value is encoded. */
export interface EncodeOptions {
  /** What errors call the value: `"args"`, `"result"`. */
  readonly root: string;
  /**
   * Asked about each object that is not plain data: the number of the input that stands for it, or
   * null. Only the value itself, an element of it, and an element of an array element may be one.
   */
  readonly onReference?: (value: object, path: string) => number | null;
}

/** How many levels of arrays references may stand in, the value itself included. */
const referenceLevels = 3;

/** Shapes that are compared before the keys are written out again. */
const comparedShapesMax = 8;

/** Encodes one value at a time; `reset` it after each, also after an error. */
export class ValueEncoder {
  readonly #out = new ValueWriter();
  #root = "";
  #onReference: EncodeOptions["onReference"];
  #depth = 0;
  /** The open containers and where in each the encoder is; entries from `#depth` on are stale. */
  #containers: object[] = [];
  #keys: (string | number)[] = [];
  #shapes: string[][] = [];

  encode(value: unknown, options: EncodeOptions): Uint8Array {
    this.#root = options.root;
    this.#onReference = options.onReference;
    this.#out.u8(valueFormat);
    this.#value(value, referenceLevels);
    if (this.#out.byteLength > valueBytesMax) throw this.#tooLarge();
    return this.#out.finish();
  }

  /** Lets go of everything of the last value, also after an error. */
  reset(): void {
    this.#out.reset();
    this.#onReference = undefined;
    this.#depth = 0;
    this.#containers.length = 0;
    this.#keys.length = 0;
    this.#shapes.length = 0;
  }

  #value(value: unknown, references: number): void {
    switch (typeof value) {
      case "number":
        this.#number(value);
        return;
      case "string":
        this.#out.string(value);
        return;
      case "boolean":
        this.#out.u8(value ? tag.true : tag.false);
        return;
      case "undefined":
        this.#out.u8(tag.undefined);
        return;
      case "bigint":
        this.#bigint(value);
        return;
      case "object":
        if (value === null) this.#out.u8(tag.null);
        else this.#object(value, references);
        return;
      default:
        throw this.#refusal(describeForeign(value));
    }
  }

  #number(value: number): void {
    if (value !== (value | 0) || Object.is(value, -0)) {
      this.#out.u8(tag.float64);
      this.#out.float64(value);
    } else if (value >= 0 && value <= smallIntegerMax) this.#out.u8(tag.smallInteger + value);
    else {
      this.#out.u8(tag.int32);
      this.#out.int32(value);
    }
  }

  #bigint(value: bigint): void {
    const digits = (value < 0n ? -value : value).toString(16);
    if (digits.length > bigintDigitsMax) {
      throw this.#refusal(`a bigint of ${digits.length} digits (at most ${bigintDigitsMax})`);
    }
    this.#out.u8(value < 0n ? tag.negativeBigint : tag.bigint);
    this.#out.count(digits.length);
    this.#out.latin1(digits);
  }

  #object(value: object, references: number): void {
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype === Object.prototype || prototype === null) this.#plain(value);
    else if (prototype === Array.prototype && Array.isArray(value)) this.#array(value, references);
    else this.#exotic(value, prototype as object, references);
  }

  #plain(value: object): void {
    this.#open(value);
    const keys = Object.keys(value);
    this.#requireNoSymbols(value);
    const shape = this.#shapeOf(keys);
    if (shape < 0) this.#newShape(keys);
    else {
      this.#out.u8(tag.shape);
      this.#out.count(shape);
    }
    const record = value as { readonly [key: string]: unknown };
    const depth = this.#depth - 1;
    for (let i = 0; i < keys.length; i++) {
      this.#keys[depth] = keys[i];
      this.#value(record[keys[i]], 0);
    }
    this.#depth--;
  }

  /** The number of a recent shape with these keys, or -1. */
  #shapeOf(keys: readonly string[]): number {
    const shapes = this.#shapes;
    const last = Math.max(0, shapes.length - comparedShapesMax);
    for (let i = shapes.length - 1; i >= last; i--) if (sameKeys(shapes[i], keys)) return i;
    return -1;
  }

  #newShape(keys: string[]): void {
    this.#shapes.push(keys);
    this.#out.u8(tag.newShape);
    this.#out.count(keys.length);
    for (const key of keys) this.#out.string(key);
  }

  #requireNoSymbols(value: object): void {
    const symbols = Object.getOwnPropertySymbols(value);
    if (symbols.length === 0) return;
    throw this.#refusalHere(`has the key ${String(symbols[0])}; a symbol cannot travel`);
  }

  #array(value: readonly unknown[], references: number): void {
    if (value.length >= packedCountMin && this.#packed(value)) return;
    this.#open(value);
    this.#out.u8(tag.array);
    this.#out.count(value.length);
    const depth = this.#depth - 1;
    const inner = Math.max(0, references - 1);
    for (let i = 0; i < value.length; i++) {
      this.#keys[depth] = i;
      this.#value(value[i], inner);
    }
    this.#depth--;
  }

  /** Writes an array of nothing but numbers; false, with nothing written, if it is not one. */
  #packed(value: readonly unknown[]): value is readonly number[] {
    let areIntegers = true;
    for (let i = 0; i < value.length; i++) {
      const item = value[i];
      if (typeof item !== "number") return false;
      areIntegers &&= item === (item | 0) && !Object.is(item, -0);
    }
    const numbers = value as readonly number[];
    this.#out.u8(areIntegers ? tag.int32s : tag.float64s);
    this.#out.count(numbers.length);
    if (areIntegers) for (let i = 0; i < numbers.length; i++) this.#out.int32(numbers[i]);
    else for (let i = 0; i < numbers.length; i++) this.#out.float64(numbers[i]);
    return true;
  }

  #exotic(value: object, prototype: object, references: number): void {
    const kind = binaryKindOf(prototype);
    if (kind !== undefined) this.#binary(value as ArrayBuffer | ArrayBufferView, kind);
    else if (prototype === Map.prototype) this.#map(value as Map<unknown, unknown>);
    else if (prototype === Set.prototype) this.#set(value as Set<unknown>);
    else if (prototype === Date.prototype) this.#date(value as Date);
    else if (!this.#referred(value, references)) this.#errorOrRefuse(value);
  }

  #binary(value: ArrayBuffer | ArrayBufferView, kind: number): void {
    const buffer = ArrayBuffer.isView(value) ? value.buffer : value;
    if (buffer instanceof ArrayBuffer && buffer.detached) throw this.#refusal("a detached buffer");
    const offset = ArrayBuffer.isView(value) ? value.byteOffset : 0;
    this.#out.u8(tag.binary);
    this.#out.u8(kind);
    this.#out.count(value.byteLength);
    this.#out.binary(new Uint8Array(buffer, offset, value.byteLength));
  }

  #map(value: ReadonlyMap<unknown, unknown>): void {
    this.#open(value);
    this.#out.u8(tag.map);
    this.#out.count(value.size);
    const depth = this.#depth - 1;
    let position = 0;
    for (const [key, item] of value) {
      this.#keys[depth] = position++;
      this.#value(key, 0);
      this.#keys[depth] = position++;
      this.#value(item, 0);
    }
    this.#depth--;
  }

  #set(value: ReadonlySet<unknown>): void {
    this.#open(value);
    this.#out.u8(tag.set);
    this.#out.count(value.size);
    const depth = this.#depth - 1;
    let position = 0;
    for (const item of value) {
      this.#keys[depth] = position++;
      this.#value(item, 0);
    }
    this.#depth--;
  }

  #date(value: Date): void {
    this.#out.u8(tag.date);
    this.#out.float64(value.getTime());
  }

  /** Writes a reference if the caller has a number for this object. */
  #referred(value: object, references: number): boolean {
    const index = this.#onReference?.(value, this.#path()) ?? null;
    if (index === null) return false;
    if (references === 0) {
      throw unserialisable(
        this.#path(),
        `is ${describeForeign(value)} too deep inside an argument; ` +
          "pass it as an argument or directly inside an array argument",
      );
    }
    this.#out.u8(tag.reference);
    this.#out.count(index);
    return true;
  }

  #errorOrRefuse(value: object): void {
    if (!(value instanceof Error)) throw this.#refusal(describeForeign(value));
    const hasCause = Object.hasOwn(value, "cause");
    const hasErrors = value instanceof AggregateError;
    this.#open(value);
    this.#out.u8(tag.error);
    this.#out.u8((hasCause ? errorFlag.cause : 0) | (hasErrors ? errorFlag.errors : 0));
    this.#out.string(String(value.name));
    this.#out.string(String(value.message));
    this.#out.string(typeof value.stack === "string" ? value.stack : "");
    if (hasCause) this.#member("cause", value.cause);
    if (hasErrors) this.#member("errors", value.errors);
    this.#depth--;
  }

  #member(name: string, value: unknown): void {
    this.#keys[this.#depth - 1] = name;
    this.#value(value, 0);
  }

  #open(container: object): void {
    const depth = this.#depth;
    const containers = this.#containers;
    for (let i = 0; i < depth; i++) {
      if (containers[i] !== container) continue;
      const origin = pathOf(this.#root, containers.slice(0, i), this.#keys);
      throw unserialisable(this.#path(), `refers back to ${origin}; a circle cannot travel`);
    }
    if (depth === valueDepthMax) throw this.#refusal(`nested deeper than ${valueDepthMax}`);
    containers[depth] = container;
    this.#depth = depth + 1;
  }

  /** Of the value that is being written. */
  #path(): string {
    return pathOf(this.#root, this.#containers.slice(0, this.#depth), this.#keys);
  }

  #refusal(what: string): CapstanError {
    const path = this.#path();
    return unserialisable(path, `is ${what}, which cannot travel`);
  }

  /** About the container that was opened last, not about a child of it. */
  #refusalHere(what: string): CapstanError {
    this.#depth--;
    return unserialisable(this.#path(), what);
  }

  #tooLarge(): CapstanError {
    const bytes = this.#out.byteLength;
    return unserialisable(this.#root, `has ${bytes} bytes; at most ${valueBytesMax} can travel`);
  }
}

function unserialisable(path: string, what: string): CapstanError {
  return new CapstanError("UNSERIALISABLE", `${path} ${what}`, { details: { path } });
}

function sameKeys(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
