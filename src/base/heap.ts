/**
 * A binary min-heap of (key, value) numbers: deadlines, mostly. Equal keys leave in the order in
 * which they came, so that nothing depends on the heap's shape.
 *
 * @module
 */
export class Heap {
  readonly #keys: number[] = [];
  readonly #values: number[] = [];
  readonly #orders: number[] = [];
  #pushed = 0;

  get length(): number {
    return this.#keys.length;
  }

  push(key: number, value: number): void {
    let child = this.#keys.length;
    this.#keys.push(key);
    this.#values.push(value);
    this.#orders.push(this.#pushed++);
    while (child > 0) {
      const parent = (child - 1) >> 1;
      if (!this.#before(child, parent)) return;
      this.#swap(child, parent);
      child = parent;
    }
  }

  /** The smallest key; the heap must not be empty. */
  peekKey(): number {
    return this.#keys[0];
  }

  /** Removes the smallest entry and returns its value. */
  pop(): number {
    const value = this.#values[0];
    const last = this.#keys.length - 1;
    this.#swap(0, last);
    this.#keys.pop();
    this.#values.pop();
    this.#orders.pop();
    this.#sink(0);
    return value;
  }

  /** The values of all keys up to `key`, in the order in which they would be popped. */
  valuesUpTo(key: number): number[] {
    const due: number[] = [];
    const open = this.length > 0 ? [0] : [];
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      if (at >= this.length || this.#keys[at] > key) continue; // Nor is any below it due.
      due.push(at);
      open.push(2 * at + 1, 2 * at + 2);
    }
    return due.sort((a, b) => (this.#before(a, b) ? -1 : 1)).map((at) => this.#values[at]);
  }

  /** Visits every (key, value), in no particular order. */
  forEach(visit: (key: number, value: number) => void): void {
    for (let i = 0; i < this.#keys.length; i++) visit(this.#keys[i], this.#values[i]);
  }

  /** An equal heap that shares nothing with this one. */
  clone(): Heap {
    const copy = new Heap();
    copy.#keys.push(...this.#keys);
    copy.#values.push(...this.#values);
    copy.#orders.push(...this.#orders);
    copy.#pushed = this.#pushed;
    return copy;
  }

  #sink(from: number): void {
    let parent = from;
    const length = this.#keys.length;
    for (;;) {
      const left = 2 * parent + 1;
      if (left >= length) return;
      const right = left + 1;
      const child = right < length && this.#before(right, left) ? right : left;
      if (!this.#before(child, parent)) return;
      this.#swap(child, parent);
      parent = child;
    }
  }

  #before(a: number, b: number): boolean {
    if (this.#keys[a] !== this.#keys[b]) return this.#keys[a] < this.#keys[b];
    return this.#orders[a] < this.#orders[b];
  }

  #swap(a: number, b: number): void {
    swapIn(this.#keys, a, b);
    swapIn(this.#values, a, b);
    swapIn(this.#orders, a, b);
  }
}

function swapIn(array: number[], a: number, b: number): void {
  const held = array[a];
  array[a] = array[b];
  array[b] = held;
}
