/**
 * A set of small whole numbers that is filled and emptied again and again without an allocation.
 *
 * @module
 */

export class RowSet {
  #items = new Uint32Array(64);
  /** The round in which each number was last added. */
  #addedIn = new Uint32Array(64);
  #round = 1;
  length = 0;

  add(row: number): void {
    if (row >= this.#addedIn.length) this.#addedIn = larger(this.#addedIn, row + 1);
    if (this.#addedIn[row] === this.#round) return;
    this.#addedIn[row] = this.#round;
    if (this.length === this.#items.length) this.#items = larger(this.#items, this.length + 1);
    this.#items[this.length++] = row;
  }

  /** Adds 0 to `count` - 1. */
  addBelow(count: number): void {
    for (let row = 0; row < count; row++) this.add(row);
  }

  at(position: number): number {
    return this.#items[position];
  }

  /** Leaves out what is not to stay. */
  keep(stays: (row: number) => boolean): void {
    let kept = 0;
    for (let i = 0; i < this.length; i++) {
      const row = this.#items[i];
      if (stays(row)) this.#items[kept++] = row;
    }
    this.length = kept;
  }

  clear(): void {
    this.length = 0;
    this.#round++;
  }
}

function larger(items: Uint32Array, atLeast: number) {
  const grown = new Uint32Array(Math.max(atLeast, items.length * 2));
  grown.set(items);
  return grown;
}
