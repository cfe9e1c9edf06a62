/**
 * Growable typed arrays: the columns that a kernel collects while it decides, before it records
 * them as one fact or sends them as one message.
 *
 * @module
 */

/** A growable Uint32Array. */
export class U32Column {
  #items = new Uint32Array(16);
  length = 0;

  push(value: number): void {
    if (this.length === this.#items.length) {
      const larger = new Uint32Array(this.length * 2);
      larger.set(this.#items);
      this.#items = larger;
    }
    this.#items[this.length++] = value;
  }

  at(index: number): number {
    return this.#items[index];
  }

  /** A copy of exactly what was pushed; the column is empty afterwards. */
  take(): Uint32Array {
    const taken = this.#items.slice(0, this.length);
    this.length = 0;
    return taken;
  }
}

/** A growable Float64Array: ids of up to 53 bits, byte counts, microseconds. */
export class F64Column {
  #items = new Float64Array(16);
  length = 0;

  push(value: number): void {
    if (this.length === this.#items.length) {
      const larger = new Float64Array(this.length * 2);
      larger.set(this.#items);
      this.#items = larger;
    }
    this.#items[this.length++] = value;
  }

  at(index: number): number {
    return this.#items[index];
  }

  take(): Float64Array {
    const taken = this.#items.slice(0, this.length);
    this.length = 0;
    return taken;
  }
}

/** A growable Uint8Array. */
export class U8Column {
  #items = new Uint8Array(16);
  length = 0;

  push(value: number): void {
    if (this.length === this.#items.length) {
      const larger = new Uint8Array(this.length * 2);
      larger.set(this.#items);
      this.#items = larger;
    }
    this.#items[this.length++] = value;
  }

  at(index: number): number {
    return this.#items[index];
  }

  take(): Uint8Array {
    const taken = this.#items.slice(0, this.length);
    this.length = 0;
    return taken;
  }
}
