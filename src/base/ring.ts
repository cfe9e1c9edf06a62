/**
 * A FIFO ring of u32 handles: a ready queue. Constant time at both ends; entries that died while
 * they waited are skipped by the reader, who knows how to tell.
 *
 * @module
 */

const noItems = new Uint32Array(0);

export class U32Ring {
  // There are many of them, and most are empty.
  #items = noItems;
  #head = 0;
  length = 0;

  pushBack(value: number): void {
    if (this.length === this.#items.length) this.#grow();
    this.#items[(this.#head + this.length) & (this.#items.length - 1)] = value;
    this.length++;
  }

  /** The oldest entry. The ring must not be empty. */
  popFront(): number {
    const value = this.#items[this.#head];
    this.#head = (this.#head + 1) & (this.#items.length - 1);
    this.length--;
    return value;
  }

  /** Entry `index` from the front. */
  at(index: number): number {
    return this.#items[(this.#head + index) & (this.#items.length - 1)];
  }

  /** Drops the entries that `isWanted` refuses; the others keep their order. */
  keep(isWanted: (value: number) => boolean): void {
    const { length } = this;
    for (let i = 0; i < length; i++) {
      const value = this.popFront();
      if (isWanted(value)) this.pushBack(value);
    }
  }

  #grow(): void {
    const larger = new Uint32Array(Math.max(16, this.#items.length * 2));
    for (let i = 0; i < this.length; i++) larger[i] = this.at(i);
    this.#items = larger;
    this.#head = 0;
  }
}
