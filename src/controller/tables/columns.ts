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

/** Puts an image back into a table that has room for it. */
export function restoreImage<T extends object>(table: T, image: ColumnImage): void {
  for (const [name, column] of Object.entries(image)) {
    ((table as { [name: string]: Column })[name] as Column).set(column as never);
  }
}
