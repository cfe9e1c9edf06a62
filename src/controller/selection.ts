/**
 * One page of a list in an order, chosen while its rows go by: in the memory of about two pages up
 * to the last, and in time that grows with the rows and not with their order.
 *
 * @module
 */

import { CapstanError } from "../model/errors.ts";
import { type ListRequest, pageOf } from "./pages.ts";

/** What rows are ordered by. */
export type SortKey = number | string;

/** A row that may be on the page. */
interface Candidate<Row> {
  readonly row: Row;
  readonly key: SortKey;
  /** Orders rows of the same key: no two have the same. */
  readonly tie: number;
}

type Compare<Row> = (a: Candidate<Row>, b: Candidate<Row>) => number;

/** Fewer are never thrown out at once. */
const spareRowsMin = 1_024;

export class Selection<Row> {
  readonly #start: number;
  readonly #end: number;
  readonly #compare: Compare<Row>;
  readonly #spare: number;
  #candidates: Candidate<Row>[] = [];
  /** Nothing after it can be on the page; null until that is known. */
  #last: Candidate<Row> | null = null;
  #count = 0;

  /** Ties go in the order of their `tie`, whichever way the keys go. */
  constructor(request: ListRequest, direction: Direction) {
    const { start, size } = pageOf(request);
    this.#start = start;
    this.#end = start + size;
    this.#spare = Math.max(spareRowsMin, this.#end);
    const sign = direction === "desc" ? -1 : 1;
    this.#compare = (a, b) => sign * compareKeys(a.key, b.key) || a.tie - b.tie;
  }

  /** Rows that were offered. */
  get count(): number {
    return this.#count;
  }

  offer(row: Row, key: SortKey, tie: number): void {
    this.#count++;
    const candidate = { row, key, tie };
    if (this.#last !== null && this.#compare(candidate, this.#last) > 0) return;
    this.#candidates.push(candidate);
    if (this.#candidates.length >= this.#end + this.#spare) this.#throwOut();
  }

  /** The rows of the page, and the token of the next. */
  page(): { page: Row[]; nextPageToken: string } {
    const candidates = this.#candidates;
    // What stands before the page and after it needs no order of its own.
    partition(candidates, this.#end, this.#compare);
    const upTo = candidates.slice(0, this.#end);
    partition(upTo, this.#start, this.#compare);
    const page = upTo.slice(this.#start).sort(this.#compare);
    return {
      page: page.map(({ row }) => row),
      nextPageToken: this.#end < this.#count ? String(this.#end) : "",
    };
  }

  #throwOut(): void {
    partition(this.#candidates, this.#end, this.#compare);
    this.#candidates.length = this.#end;
    const later = (a: Candidate<Row>, b: Candidate<Row>) => (this.#compare(a, b) < 0 ? b : a);
    this.#last = this.#candidates.reduce(later);
  }
}

function compareKeys(a: SortKey, b: SortKey): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** Moves the `count` first of the order to the front; in expectation in linear time (Hoare). */
function partition<Row>(rows: Candidate<Row>[], count: number, compare: Compare<Row>): void {
  let low = 0;
  let high = rows.length - 1;
  if (count <= 0 || count > high) return;
  while (low < high) {
    const pivot = rows[(low + high) >>> 1];
    let left = low;
    let right = high;
    while (left <= right) {
      while (compare(rows[left], pivot) < 0) left++;
      while (compare(rows[right], pivot) > 0) right--;
      if (left > right) break;
      [rows[left], rows[right]] = [rows[right], rows[left]];
      left++;
      right--;
    }
    if (count <= right) high = right;
    else if (count >= left) low = left;
    else return;
  }
}

export type Direction = "asc" | "desc";

/** What `orderBy` may name. */
export type Orders<Subject, Key = SortKey> = {
  readonly [name: string]: (subject: Subject) => Key;
};

/** The order that a request names, `"name"` or `"name desc"`. Throws INVALID_ARGUMENT. */
export function orderNamed<Subject>(
  orders: Orders<Subject>,
  orderBy: unknown,
): { readonly keyOf: (subject: Subject) => SortKey; readonly direction: Direction } {
  const [name, direction = "asc", rest] = String(orderBy).split(" ");
  const isDirection = direction === "asc" || direction === "desc";
  if (Object.hasOwn(orders, name) && isDirection && rest === undefined) {
    return { keyOf: orders[name], direction };
  }
  const known = Object.keys(orders).join(", ");
  throw new CapstanError(
    "INVALID_ARGUMENT",
    `orderBy: expected one of ${known}, with " desc" for the reverse, not ${orderBy}`,
  );
}
