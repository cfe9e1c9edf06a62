/**
 * Arguments and results as bytes, in a tagged format of our own (`value-format.ts`): null,
 * undefined, booleans, numbers, bigints, strings, arrays, plain objects, Map, Set, Date, Error
 * (name, message, stack, cause), ArrayBuffer and its views.
 *
 * What is not kept: the identity of an object met twice, holes in arrays (they become undefined),
 * the class of an error that is not built in, extra properties of errors and arrays.
 *
 * @module
 */

import { CapstanError } from "../../model/errors.ts";
import { type DecodeOptions, ValueDecoder } from "./value-decoder.ts";
import { type EncodeOptions, ValueEncoder } from "./value-encoder.ts";

export type { DecodeOptions } from "./value-decoder.ts";
export type { EncodeOptions } from "./value-encoder.ts";

/** The encoder that is not in use: a getter of a value may encode another. */
let idleEncoder: ValueEncoder | null = null;

/**
 * A value as bytes, in memory of their own. Throws UNSERIALISABLE with the path of what cannot
 * travel: a function, a symbol, an instance of a class, a circle, a reference too deep.
 */
export function encodeValue(value: unknown, options: EncodeOptions): Uint8Array {
  const encoder = idleEncoder ?? new ValueEncoder();
  idleEncoder = null;
  try {
    return encoder.encode(value, options);
  } finally {
    encoder.reset();
    idleEncoder = encoder;
  }
}

/**
 * The value of these bytes. Large binary data that lies aligned is a view of `bytes`, which must
 * then not be used for anything else; the rest is copied. Throws PROTOCOL_ERROR, or what `input`
 * throws.
 */
export function decodeValue(bytes: Uint8Array, options: DecodeOptions = {}): unknown {
  return new ValueDecoder(bytes, options).decode();
}

/** The arguments of a call as bytes. A reference may stand in `args` or in an array in `args`. */
export function encodeArguments(args: readonly unknown[], options: EncodeOptions): Uint8Array {
  return encodeValue(args, options);
}

/** The arguments of a call. Throws as `decodeValue` does. */
export function decodeArguments(bytes: Uint8Array, options: DecodeOptions = {}): unknown[] {
  const args = decodeValue(bytes, options);
  if (Array.isArray(args)) return args;
  throw new CapstanError("PROTOCOL_ERROR", "encoded arguments must be an array");
}
