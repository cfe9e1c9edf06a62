/**
 * Sets of row numbers that are filled once and thrown away.
 *
 * @module
 */

export interface RowSet {
  has(row: number): boolean;
  add(row: number): unknown;
}

/** For more rows a bit for each costs less than a set, also where most of the bits stay unset. */
const fewRows = 1_024;

/** An empty set for about `count` rows, each below `bound`. */
export function newRowSet(count: number, bound: number): RowSet {
  return count <= fewRows ? new Set<number>() : new Bits(bound);
}

class Bits implements RowSet {
  readonly #words: Uint32Array;

  constructor(bound: number) {
    this.#words = new Uint32Array((bound + 31) >>> 5);
  }

  has(row: number): boolean {
    return (this.#words[row >>> 5] & (1 << (row & 31))) !== 0;
  }

  add(row: number): void {
    this.#words[row >>> 5] |= 1 << (row & 31);
  }
}
