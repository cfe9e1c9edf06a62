/**
 * A sparse map from dense, rising whole numbers to u32, in chunks that vanish when they empty: what
 * a client's task numbers resolve through, without a string or an object per task.
 *
 * @module
 */

const chunkBits = 10;
const chunkSize = 1 << chunkBits;

interface Chunk {
  readonly items: Uint32Array;
  live: number;
}

/** 0 is "absent", so values are stored plus one. */
export class NumberMap {
  readonly #chunks = new Map<number, Chunk>();
  #lastIndex = -1;
  #last: Chunk | undefined;
  size = 0;

  /** The value of `key`, or -1. */
  get(key: number): number {
    const chunk = this.#chunkOf(key);
    return chunk === undefined ? -1 : chunk.items[key & (chunkSize - 1)] - 1;
  }

  set(key: number, value: number): void {
    let chunk = this.#chunkOf(key);
    if (chunk === undefined) {
      chunk = { items: new Uint32Array(chunkSize), live: 0 };
      this.#chunks.set(key >>> chunkBits, chunk);
      this.#last = chunk;
      this.#lastIndex = key >>> chunkBits;
    }
    const at = key & (chunkSize - 1);
    if (chunk.items[at] === 0) {
      chunk.live++;
      this.size++;
    }
    chunk.items[at] = value + 1;
  }

  delete(key: number): void {
    const chunk = this.#chunkOf(key);
    const at = key & (chunkSize - 1);
    if (chunk === undefined || chunk.items[at] === 0) return;
    chunk.items[at] = 0;
    this.size--;
    if (--chunk.live > 0) return;
    this.#chunks.delete(key >>> chunkBits);
    this.#lastIndex = -1;
    this.#last = undefined;
  }

  /** Visits every entry, by rising chunk of insertion and rising key within. */
  forEach(visit: (key: number, value: number) => void): void {
    for (const [index, chunk] of [...this.#chunks]) {
      for (let at = 0; at < chunkSize; at++) {
        if (chunk.items[at] !== 0) visit(index * chunkSize + at, chunk.items[at] - 1);
      }
    }
  }

  #chunkOf(key: number): Chunk | undefined {
    const index = key >>> chunkBits;
    if (index !== this.#lastIndex) {
      this.#last = this.#chunks.get(index);
      this.#lastIndex = this.#last === undefined ? -1 : index;
    }
    return this.#last;
  }
}
