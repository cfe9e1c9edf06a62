/**
 * An order-independent digest of a set of ids, kept by adding what joins and subtracting what
 * leaves. Two sides that hold the same set have the same digest; one that lost an entry differs.
 *
 * @module
 */

/**
 * A well-mixed u32 of an id of up to 53 bits (the finaliser of MurmurHash3, Austin Appleby). The
 * finaliser takes 0 to 0: without the constant the first task of a table would not show.
 */
export function mixId(id: number): number {
  let h = (id >>> 0) ^ 0x9e3779b9 ^ Math.imul(Math.floor(id / 0x100000000), 0x9e3779b1);
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  h ^= h >>> 16;
  return h >>> 0;
}

export function digestWith(digest: number, id: number): number {
  return (digest + mixId(id)) >>> 0;
}

export function digestWithout(digest: number, id: number): number {
  return (digest - mixId(id)) >>> 0;
}
