/**
 * Growable typed arrays: the columns that a kernel collects while it decides, before it records
 * them as one fact or sends them as one message.
 *
 * @module
 */

/** So few that even the widest column of them is allocated cheaply: inside the heap. */
const firstCapacity = 8;

/** Beyond the heap an array costs more to make than to fill, so small ones grow fast. */
function capacityAfter(length: number, expected: number): number {
  return Math.max(expected, firstCapacity, length * (length < 4_096 ? 4 : 2));
}

/** For fewer a view of them costs more than copying them. */
const copiedOneByOne = 32;

// A step makes many columns and fills few of them: the empty ones cost nothing.
const noUint32Array = new Uint32Array(0);
const noFloat64Array = new Float64Array(0);
const noUint8Array = new Uint8Array(0);

/** A growable Uint32Array. */
export class U32Column {
  #items = noUint32Array;
  readonly #expected: number;
  length = 0;

  /** Room for `expected` entries is made at once, with the first of them. */
  constructor(expected = firstCapacity) {
    this.#expected = expected;
  }

  push(value: number): void {
    if (this.length === this.#items.length) {
      const larger = new Uint32Array(capacityAfter(this.length, this.#expected));
      larger.set(this.#items);
      this.#items = larger;
    }
    this.#items[this.length++] = value;
  }

  at(index: number): number {
    return this.#items[index];
  }

  /** Moves what was pushed to `target`, which is as long; the room for it stays here. */
  moveTo(target: Uint32Array): void {
    if (this.length < copiedOneByOne) {
      for (let i = 0; i < this.length; i++) target[i] = this.#items[i];
    } else target.set(this.#items.subarray(0, this.length));
    this.length = 0;
  }

  /** Exactly what was pushed, and the taker's own; the column is empty afterwards. */
  take(): Uint32Array {
    if (this.length === 0) return noUint32Array;
    const isExact = this.length === this.#items.length;
    const taken = isExact ? this.#items : this.#items.slice(0, this.length);
    if (isExact) this.#items = noUint32Array;
    this.length = 0;
    return taken;
  }
}

/** A growable Float64Array: ids of up to 53 bits, byte counts, microseconds. */
export class F64Column {
  #items = noFloat64Array;
  readonly #expected: number;
  length = 0;

  /** Room for `expected` entries is made at once, with the first of them. */
  constructor(expected = firstCapacity) {
    this.#expected = expected;
  }

  push(value: number): void {
    if (this.length === this.#items.length) {
      const larger = new Float64Array(capacityAfter(this.length, this.#expected));
      larger.set(this.#items);
      this.#items = larger;
    }
    this.#items[this.length++] = value;
  }

  at(index: number): number {
    return this.#items[index];
  }

  /** Moves what was pushed to `target`, which is as long; the room for it stays here. */
  moveTo(target: Float64Array): void {
    if (this.length < copiedOneByOne) {
      for (let i = 0; i < this.length; i++) target[i] = this.#items[i];
    } else target.set(this.#items.subarray(0, this.length));
    this.length = 0;
  }

  take(): Float64Array {
    if (this.length === 0) return noFloat64Array;
    const isExact = this.length === this.#items.length;
    const taken = isExact ? this.#items : this.#items.slice(0, this.length);
    if (isExact) this.#items = noFloat64Array;
    this.length = 0;
    return taken;
  }
}

/** A growable Uint8Array. */
export class U8Column {
  #items = noUint8Array;
  readonly #expected: number;
  length = 0;

  /** Room for `expected` entries is made at once, with the first of them. */
  constructor(expected = firstCapacity) {
    this.#expected = expected;
  }

  push(value: number): void {
    if (this.length === this.#items.length) {
      const larger = new Uint8Array(capacityAfter(this.length, this.#expected));
      larger.set(this.#items);
      this.#items = larger;
    }
    this.#items[this.length++] = value;
  }

  at(index: number): number {
    return this.#items[index];
  }

  /** Moves what was pushed to `target`, which is as long; the room for it stays here. */
  moveTo(target: Uint8Array): void {
    if (this.length < copiedOneByOne) {
      for (let i = 0; i < this.length; i++) target[i] = this.#items[i];
    } else target.set(this.#items.subarray(0, this.length));
    this.length = 0;
  }

  take(): Uint8Array {
    if (this.length === 0) return noUint8Array;
    const isExact = this.length === this.#items.length;
    const taken = isExact ? this.#items : this.#items.slice(0, this.length);
    if (isExact) this.#items = noUint8Array;
    this.length = 0;
    return taken;
  }
}
