/**
 * A set of 64-bit hashes in typed arrays, open-addressed: hash → the number of its first arrival.
 *
 * @module
 */

const firstCapacity = 1 << 12;

export class HashTable {
  #lows = new Int32Array(firstCapacity);
  #highs = new Int32Array(firstCapacity);
  /** The number plus one; 0 is an empty place. */
  #numbers = new Int32Array(firstCapacity);
  size = 0;

  /** The number of a hash that is known; else it gets the next one, and -1 is returned. */
  add(low: number, high: number): number {
    const at = this.#place(low, high);
    if (this.#numbers[at] !== 0) return this.#numbers[at] - 1;
    this.#lows[at] = low;
    this.#highs[at] = high;
    this.#numbers[at] = ++this.size;
    if (this.size * 3 > this.#numbers.length * 2) this.#grow();
    return -1;
  }

  has(low: number, high: number): boolean {
    return this.#numbers[this.#place(low, high)] !== 0;
  }

  #place(low: number, high: number): number {
    const mask = this.#numbers.length - 1;
    let at = (low ^ Math.imul(high, 0x9e3779b1)) & mask;
    while (this.#numbers[at] !== 0 && (this.#lows[at] !== low || this.#highs[at] !== high)) {
      at = (at + 1) & mask;
    }
    return at;
  }

  #grow(): void {
    const [lows, highs, numbers] = [this.#lows, this.#highs, this.#numbers];
    this.#lows = new Int32Array(lows.length * 2);
    this.#highs = new Int32Array(lows.length * 2);
    this.#numbers = new Int32Array(lows.length * 2);
    for (let i = 0; i < numbers.length; i++) {
      if (numbers[i] === 0) continue;
      const at = this.#place(lows[i], highs[i]);
      this.#lows[at] = lows[i];
      this.#highs[at] = highs[i];
      this.#numbers[at] = numbers[i];
    }
  }
}
