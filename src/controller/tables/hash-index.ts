/**
 * Rows by the hash of what they stand for: who asks knows how to tell whether a row is the one.
 *
 * Eight bytes and a bit for each row, no object and no string, in parts that grow each for itself:
 * no garbage collection has to visit a million entries, and no insertion has to move them all.
 *
 * @module
 */

const partBits = 8;
const firstCapacity = 8;

/** Open addressing with linear probing. `rows` holds row + 1, and 0 where nothing is. */
interface Part {
  rows: Uint32Array;
  hashes: Uint32Array;
  count: number;
}

export class HashIndex {
  /** By the high bits of the hash; the low bits give the place in a part. */
  readonly #parts: (Part | undefined)[] = [];
  size = 0;

  /** An equal index that shares nothing with this one. */
  clone(): HashIndex {
    const copy = new HashIndex();
    for (const [at, part] of this.#parts.entries()) {
      if (part === undefined) continue;
      const { rows, hashes, count } = part;
      copy.#parts[at] = { rows: rows.slice(), hashes: hashes.slice(), count };
    }
    copy.size = this.size;
    return copy;
  }

  /** The row with this hash that `isIt` accepts, or -1. */
  find(hash: number, isIt: (row: number) => boolean): number {
    const part = this.#parts[hash >>> (32 - partBits)];
    if (part === undefined) return -1;
    const place = placeOf(part, hash, isIt);
    return part.rows[place] - 1;
  }

  /** Adds a row that is not there. */
  add(hash: number, row: number): void {
    const at = hash >>> (32 - partBits);
    let part = this.#parts[at];
    if (part === undefined) {
      part = emptyPart(firstCapacity);
      this.#parts[at] = part;
    }
    if (part.count * 4 >= part.rows.length * 3) {
      part = doubled(part);
      this.#parts[at] = part;
    }
    insert(part, hash, row + 1);
    this.size++;
  }

  /** Takes a row out that is there. */
  remove(hash: number, row: number): void {
    const part = this.#parts[hash >>> (32 - partBits)];
    if (part === undefined) return;
    const place = placeOf(part, hash, (one) => one === row);
    if (part.rows[place] === 0) return;
    closeGap(part, place);
    part.count--;
    this.size--;
  }
}

function emptyPart(capacity: number): Part {
  return { rows: new Uint32Array(capacity), hashes: new Uint32Array(capacity), count: 0 };
}

/** Where the row is, or where the first free place after its own is. */
function placeOf({ rows, hashes }: Part, hash: number, isIt: (row: number) => boolean): number {
  const mask = rows.length - 1;
  let place = hash & mask;
  while (rows[place] !== 0) {
    if (hashes[place] === hash && isIt(rows[place] - 1)) return place;
    place = (place + 1) & mask;
  }
  return place;
}

function insert(part: Part, hash: number, entry: number): void {
  const { rows, hashes } = part;
  const mask = rows.length - 1;
  let place = hash & mask;
  while (rows[place] !== 0) place = (place + 1) & mask;
  rows[place] = entry;
  hashes[place] = hash;
  part.count++;
}

function doubled({ rows, hashes }: Part): Part {
  const larger = emptyPart(rows.length * 2);
  for (let place = 0; place < rows.length; place++) {
    if (rows[place] !== 0) insert(larger, hashes[place], rows[place]);
  }
  return larger;
}

/** Moves up what would not be found any more behind a free place. */
function closeGap({ rows, hashes }: Part, from: number): void {
  const mask = rows.length - 1;
  let gap = from;
  for (let place = (gap + 1) & mask; rows[place] !== 0; place = (place + 1) & mask) {
    const home = hashes[place] & mask;
    // It may move if its own place is not behind the gap.
    if (((place - home) & mask) < ((place - gap) & mask)) continue;
    rows[gap] = rows[place];
    hashes[gap] = hashes[place];
    gap = place;
  }
  rows[gap] = 0;
}
