/**
 * One buffer for all columns of a message: to make a dozen small ones costs more than what is in
 * them.
 *
 * @module
 */

/** Gives out parts of a buffer, one behind the other: those of eight bytes first, then of four. */
export class Slab {
  readonly #buffer: ArrayBuffer;
  #at = 0;

  constructor(byteLength: number) {
    this.#buffer = new ArrayBuffer(byteLength);
  }

  f64(length: number): Float64Array<ArrayBuffer> {
    return new Float64Array(this.#buffer, this.#take(8 * length), length);
  }

  u32(length: number): Uint32Array<ArrayBuffer> {
    return new Uint32Array(this.#buffer, this.#take(4 * length), length);
  }

  u8(length: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#buffer, this.#take(length), length);
  }

  /** Where the part begins; a part that is not aligned or does not fit is a RangeError. */
  #take(byteLength: number): number {
    const start = this.#at;
    this.#at += byteLength;
    return start;
  }
}
