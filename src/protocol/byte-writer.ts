/**
 * A growing run of bytes that is handed out without being copied again: small writes fill slabs,
 * large ones are kept by reference. What was taken is never written to again.
 *
 * @module
 */

const firstSlabBytes = 4 * 1024;
const slabBytesMax = 64 * 1024;

/** From this size on bytes are passed on by reference instead of being copied. */
export const directBytesMin = 64 * 1024;

/**
 * Collects bytes. `takeChunks` hands over all that was written since the last take.
 *
 * Bytes of `directBytesMin` or more are not copied: whoever wrote them must not change them after.
 */
export class ByteWriter {
  #slab = new Uint8Array(firstSlabBytes);
  #view = new DataView(this.#slab.buffer);
  /** Start of what the slab holds and has not handed out. */
  #from = 0;
  #at = 0;
  #chunks: Uint8Array[] = [];
  #chunkBytes = 0;

  /** Bytes written and not yet taken. */
  get byteLength(): number {
    return this.#chunkBytes + this.#at - this.#from;
  }

  u8(value: number): void {
    this.#reserve(1);
    this.#slab[this.#at++] = value;
  }

  u32(value: number): void {
    this.#reserve(4);
    this.#view.setUint32(this.#at, value, true);
    this.#at += 4;
  }

  f64(value: number): void {
    this.#reserve(8);
    this.#view.setFloat64(this.#at, value, true);
    this.#at += 8;
  }

  bytes(data: Uint8Array): void {
    if (data.length >= directBytesMin) {
      this.#seal();
      this.#chunks.push(data);
      this.#chunkBytes += data.length;
      return;
    }
    this.#reserve(data.length);
    if (data.length < 64) {
      const slab = this.#slab;
      for (let i = 0, at = this.#at; i < data.length; i++, at++) slab[at] = data[i];
    } else this.#slab.set(data, this.#at);
    this.#at += data.length;
  }

  /** Everything since the last take, in order. */
  takeChunks(): Uint8Array[] {
    this.#seal();
    const chunks = this.#chunks;
    this.#chunks = [];
    this.#chunkBytes = 0;
    return chunks;
  }

  #reserve(length: number): void {
    if (this.#at + length > this.#slab.length) this.#nextSlab(length);
  }

  #nextSlab(length: number): void {
    this.#seal();
    const size = Math.min(slabBytesMax, this.#slab.length * 2);
    this.#slab = new Uint8Array(Math.max(size, length));
    this.#view = new DataView(this.#slab.buffer);
    this.#from = 0;
    this.#at = 0;
  }

  #seal(): void {
    if (this.#at === this.#from) return;
    this.#chunks.push(this.#slab.subarray(this.#from, this.#at));
    this.#chunkBytes += this.#at - this.#from;
    this.#from = this.#at;
  }
}

/** The chunks as one array; a single chunk is returned as it is. */
export function joinChunks(chunks: readonly Uint8Array[]): Uint8Array {
  if (chunks.length === 1) return chunks[0];
  let length = 0;
  for (const chunk of chunks) length += chunk.length;
  const joined = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    joined.set(chunk, at);
    at += chunk.length;
  }
  return joined;
}
