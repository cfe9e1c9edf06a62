/**
 * The format of values: `[format][value]`, where a value is a tag and what the tag calls for.
 *
 * Numbers of several bytes are little-endian; counts are LEB128. Binary data stands apart from the
 * small pieces: it is aligned to 8 bytes from the start of the value, so that a decoder can look at
 * it in place. The tags are for ever: journals and workers of other releases hold values.
 *
 * @module
 */

/** First byte of every value. */
export const valueFormat = 1;

/** One byte each; 64–127 is a Latin-1 string of 0–63 characters, 128–255 the number 0–127. */
export const tag = {
  null: 0,
  undefined: 1,
  false: 2,
  true: 3,
  /** 4 bytes, signed. */
  int32: 4,
  /** 8 bytes. */
  float64: 5,
  /** Count, hexadecimal digits. */
  bigint: 6,
  negativeBigint: 7,
  /** Count of characters, one byte each. */
  latin1: 8,
  /** Count of UTF-16 units, two bytes each. */
  utf16: 9,
  /** Count, values. */
  array: 10,
  /** Count, 4 bytes each: an array of nothing but such numbers. */
  int32s: 11,
  /** Count, 8 bytes each. */
  float64s: 12,
  /** Count, keys as strings, then a value for each. The keys become the next shape. */
  newShape: 13,
  /** Number of a shape, then a value for each of its keys. */
  shape: 14,
  /** Count, then key and value of each entry. */
  map: 15,
  /** Count, values. */
  set: 16,
  /** Milliseconds since the epoch as a float64, NaN for an invalid date. */
  date: 17,
  /** Flags (1 cause, 2 errors), name, message, stack, then what the flags say. */
  error: 18,
  /** Kind, count of bytes, padding, bytes. */
  binary: 19,
  /** Number of an input whose value stands here. */
  reference: 20,
  shortString: 64,
  smallInteger: 128,
} as const;

/** Bits of the flags of an error: which of its members follow. */
export const errorFlag = { cause: 1, errors: 2 } as const;

/** Longest string, in characters, whose length is in its tag. */
export const shortStringMax = 63;
/** Largest number that is its own tag. */
export const smallIntegerMax = 127;

/** Arrays of numbers from this length on are packed. */
export const packedCountMin = 8;

/** Binary data starts at a multiple of this many bytes from the start of the value. */
export const binaryAlignment = 8;

/** How one kind of binary data is made again. `size` is the width of an element. */
interface BinaryKind {
  readonly prototype: object;
  readonly size: number;
  readonly view: (buffer: ArrayBufferLike, offset: number, length: number) => object;
}

function binaryKind(
  viewClass: {
    readonly prototype: object;
    new (buffer: ArrayBufferLike, offset: number, length: number): object;
  },
  size: number,
): BinaryKind {
  return {
    prototype: viewClass.prototype,
    size,
    view: (buffer, offset, length) => new viewClass(buffer, offset, length / size),
  };
}

/** The index is the kind's number in the format. An ArrayBuffer (0) is always a copy. */
export const binaryKinds: readonly BinaryKind[] = [
  {
    prototype: ArrayBuffer.prototype,
    size: 1,
    view: (buffer, offset, length) => buffer.slice(offset, offset + length),
  },
  binaryKind(Int8Array, 1),
  binaryKind(Uint8Array, 1),
  binaryKind(Uint8ClampedArray, 1),
  binaryKind(Int16Array, 2),
  binaryKind(Uint16Array, 2),
  binaryKind(Int32Array, 4),
  binaryKind(Uint32Array, 4),
  binaryKind(Float32Array, 4),
  binaryKind(Float64Array, 8),
  binaryKind(BigInt64Array, 8),
  binaryKind(BigUint64Array, 8),
  binaryKind(DataView, 1),
  {
    prototype: Buffer.prototype,
    size: 1,
    view: (buffer, offset, length) => Buffer.from(buffer, offset, length),
  },
];

const kindsByPrototype = new Map(binaryKinds.map((kind, index) => [kind.prototype, index]));

/** The number of the kind with this prototype, or undefined. */
export function binaryKindOf(prototype: object): number | undefined {
  return kindsByPrototype.get(prototype);
}
