/**
 * Growth of the hot tables: every column of a table is a typed array of one common capacity.
 *
 * @module
 */

type Column = Uint8Array | Uint16Array | Uint32Array | Float64Array;

/** A copy of `column` with room for `capacity` rows. */
export function enlarged<C extends Column>(column: C, capacity: number): C {
  const larger = new (column.constructor as new (length: number) => C)(capacity);
  larger.set(column as never);
  return larger;
}

/**
 * The column with room for `capacity` rows, of which there may be no other view: its memory moves
 * along and is free at once. Left behind for the garbage collector, tens of megabytes of it made
 * V8 collect the whole heap again and again.
 */
function extended<C extends Column>(column: C, capacity: number): C {
  const buffer = (column.buffer as ArrayBuffer).transfer(capacity * column.BYTES_PER_ELEMENT);
  return new (column.constructor as new (buffer: ArrayBuffer) => C)(buffer);
}

/** Tables below this many rows double; larger ones grow by a quarter, so that less lies idle. */
const doublingRowsMax = 65_536;

const firstRows = 64;

function capacityAfter(capacity: number): number {
  return capacity < doublingRowsMax ? capacity * 2 : Math.ceil((capacity * 5) / 256) * 64;
}

/** The capacity that a table has when it has grown to hold `rows`. */
export function capacityFor(rows: number): number {
  let capacity = firstRows;
  while (capacity < rows) capacity = capacityAfter(capacity);
  return capacity;
}

/**
 * Makes room for row `row`, and gives the row at which to call again. When nine tenths of a table
 * are used its columns grow one by one, in the order of their names, so that no row has to wait for
 * all of them: in a table of a million rows that is 100 MB to be moved.
 */
export function growAhead<N extends string>(
  table: { [name in N]: Column },
  names: readonly N[],
  row: number,
): number {
  // The last to grow says how large the whole table is.
  let capacity = table[names[names.length - 1]].length;
  for (;;) {
    const place = names.findIndex((name) => table[name].length <= capacity);
    const from = nextGrowth(capacity, place, names.length);
    if (row < from) return from;
    table[names[place]] = extended(table[names[place]], capacityAfter(capacity));
    if (place === names.length - 1) capacity = capacityAfter(capacity);
  }
}

/** The row at which column `place` of `count` grows. */
function nextGrowth(capacity: number, place: number, count: number): number {
  return Math.floor(capacity * (0.9 + (0.1 * place) / count));
}

/** Columns by name, cut to `rows`: what a snapshot stores. */
export type ColumnImage = { readonly [name: string]: Column };

/** Cuts the named columns of a table to `rows`. */
export function imageOf<T extends object>(
  table: T,
  names: readonly (keyof T & string)[],
  rows: number,
): ColumnImage {
  const image: { [name: string]: Column } = {};
  for (const name of names) image[name] = (table[name] as Column).slice(0, rows);
  return image;
}

/** Puts an image back into a table, whose columns then have room for `capacity` rows. */
export function restoreImage<T extends object>(
  table: T,
  image: ColumnImage,
  capacity: number,
): void {
  for (const [name, column] of Object.entries(image)) {
    Object.assign(table, { [name]: enlarged(column, capacity) });
  }
}
