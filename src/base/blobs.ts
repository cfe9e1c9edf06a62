/**
 * A column of byte strings: one buffer and `count + 1` offsets into it, so that a million small
 * payloads are two objects and not a million.
 *
 * @module
 */

/** Byte string `i` is `data[offsets[i] .. offsets[i + 1])`. An empty column has one offset, 0. */
export interface Blobs {
  readonly offsets: Uint32Array;
  readonly data: Uint8Array;
}

export const emptyBlobs: Blobs = { offsets: new Uint32Array(1), data: new Uint8Array(0) };

export function blobCount(blobs: Blobs): number {
  return blobs.offsets.length - 1;
}

export function blobLength({ offsets }: Blobs, index: number): number {
  return offsets[index + 1] - offsets[index];
}

/** A view (no copy) of byte string `index`. */
export function blobAt(blobs: Blobs, index: number): Uint8Array {
  return blobs.data.subarray(blobs.offsets[index], blobs.offsets[index + 1]);
}

export function blobsOf(parts: readonly Uint8Array[]): Blobs {
  const builder = new BlobsBuilder();
  for (const part of parts) builder.push(part);
  return builder.take();
}

// What most builders need: many are made for a handful of small byte strings, or for none.
const firstOffsets = 8;
const firstBytes = 64;
const noBytes = new Uint8Array(0);

/** Collects byte strings into one column. `take` returns it and starts a new one. */
export class BlobsBuilder {
  #offsets = new Uint32Array(firstOffsets);
  #data = noBytes;
  #count = 0;
  #length = 0;

  get count(): number {
    return this.#count;
  }

  get byteLength(): number {
    return this.#length;
  }

  push(part: Uint8Array): void {
    const end = this.#length + part.length;
    if (end > this.#data.length) this.#data = grown(this.#data, end);
    if (part.length < 64) {
      const data = this.#data;
      for (let i = 0, at = this.#length; i < part.length; i++, at++) data[at] = part[i];
    } else this.#data.set(part, this.#length);
    this.#close(end);
  }

  /** The same as pushing `blobAt(blobs, index)`, without a view of it. */
  pushFrom(blobs: Blobs, index: number): void {
    const from = blobs.offsets[index];
    const to = blobs.offsets[index + 1];
    if (to - from >= 64) return this.push(blobs.data.subarray(from, to));
    const end = this.#length + to - from;
    if (end > this.#data.length) this.#data = grown(this.#data, end);
    const data = this.#data;
    for (let i = from, at = this.#length; i < to; i++, at++) data[at] = blobs.data[i];
    this.#close(end);
  }

  pushEmpty(): void {
    this.#close(this.#length);
  }

  take(): Blobs {
    const blobs = {
      offsets: this.#offsets.slice(0, this.#count + 1),
      data: this.#data.slice(0, this.#length),
    };
    this.#count = 0;
    this.#length = 0;
    if (this.#data.length > 1 << 20) this.#data = noBytes;
    return blobs;
  }

  /** Moves the column to arrays of `count + 1` and `byteLength` entries; the room stays here. */
  moveTo({ offsets, data }: Blobs): void {
    offsets.set(this.#offsets.subarray(0, this.#count + 1));
    data.set(this.#data.subarray(0, this.#length));
    this.#count = 0;
    this.#length = 0;
  }

  #close(end: number): void {
    if (this.#count + 2 > this.#offsets.length) {
      const larger = new Uint32Array(this.#offsets.length * 4);
      larger.set(this.#offsets);
      this.#offsets = larger;
    }
    this.#length = end;
    this.#count++;
    this.#offsets[this.#count] = end;
  }
}

function grown(data: Uint8Array<ArrayBuffer>, atLeast: number): Uint8Array<ArrayBuffer> {
  let capacity = Math.max(firstBytes, data.length * 4);
  while (capacity < atLeast) capacity *= 2;
  const larger = new Uint8Array(capacity);
  larger.set(data);
  return larger;
}
