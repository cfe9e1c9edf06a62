/**
 * What changed between two JSON values, as operations, and the later value made of the earlier one
 * and these. A list of rows that moved, grew or shrank sends where its rows were, and only what is
 * new in them.
 *
 *     changesBetween(before, after) ─▶ changes ─▶ applyChanges(before, changes) equals after
 *
 * Both are for values of `JSON.parse`: no `undefined`, no cycles, no classes. Neither writes to
 * what it is given.
 *
 * @module
 */

/** Where something is: names of fields and places in lists, from the root. */
export type ChangePath = readonly (string | number)[];

/** One operation; they are applied in order. */
export type Change =
  /** The value at `path` is this one now. An empty path is the root. */
  | { readonly path: ChangePath; readonly value: unknown }
  /** The field at `path` is gone. */
  | { readonly path: ChangePath; readonly remove: true }
  /**
   * The list at `path` is put together anew, of runs: `[from, count]` are `count` rows of the list
   * as it was, beginning with row `from`; `[-1, count]` are rows that are set by what follows, and
   * null until then.
   */
  | { readonly path: ChangePath; readonly rows: readonly RowRun[] };

export type RowRun = readonly [from: number, count: number];

type Fields = { readonly [field: string]: unknown };
type Path = (string | number)[];

/** The operations that make `after` of `before`; none if they are equal. */
export function changesBetween(before: unknown, after: unknown): Change[] {
  const changes: Change[] = [];
  compare(before, after, [], changes);
  return changes;
}

function compare(before: unknown, after: unknown, path: Path, changes: Change[]): void {
  if (before === after) return;
  if (Array.isArray(before) && Array.isArray(after)) {
    compareLists(before, after, path, changes);
  } else if (isFields(before) && isFields(after)) {
    compareFields(before, after, path, changes);
  } else changes.push({ path: [...path], value: after });
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function compareFields(before: Fields, after: Fields, path: Path, changes: Change[]): void {
  for (const field of Object.keys(before)) {
    if (!Object.hasOwn(after, field)) changes.push({ path: [...path, field], remove: true });
  }
  for (const [field, value] of Object.entries(after)) {
    path.push(field);
    if (Object.hasOwn(before, field)) compare(before[field], value, path, changes);
    else changes.push({ path: [...path], value });
    path.pop();
  }
}

function compareLists(
  before: readonly unknown[],
  after: readonly unknown[],
  path: Path,
  changes: Change[],
): void {
  const origins = originsOf(before, after);
  if (isMoved(origins, before.length)) {
    changes.push({ path: [...path], rows: runsOf(origins) });
  }
  for (const [place, row] of after.entries()) {
    path.push(place);
    const origin = origins[place];
    if (origin < 0) changes.push({ path: [...path], value: row });
    else compare(before[origin], row, path, changes);
    path.pop();
  }
}

/** For each row of `after`, where it was in `before`: by its key if all have one, else by place. */
function originsOf(before: readonly unknown[], after: readonly unknown[]): number[] {
  const places = placesByKey(before);
  const keys = places === null ? null : placesByKey(after);
  if (places === null || keys === null) {
    return after.map((_, place) => (place < before.length ? place : -1));
  }
  return [...keys.keys()].map((key) => places.get(key) ?? -1);
}

/** Null if some row has no key, or two have the same. */
function placesByKey(rows: readonly unknown[]): Map<string | number, number> | null {
  const places = new Map<string | number, number>();
  for (const [place, row] of rows.entries()) {
    const key = keyOf(row);
    if (key === null) return null;
    places.set(key, place);
    if (places.size <= place) return null;
  }
  return places;
}

/** What tells a row from the others: the row itself, or the first of its fields. */
function keyOf(row: unknown): string | number | null {
  const value = isFields(row) ? firstOf(row) : row;
  return typeof value === "string" || typeof value === "number" ? value : null;
}

function firstOf(fields: Fields): unknown {
  for (const field in fields) return fields[field];
  return null;
}

function isMoved(origins: readonly number[], lengthBefore: number): boolean {
  return origins.length !== lengthBefore || origins.some((origin, place) => origin !== place);
}

function runsOf(origins: readonly number[]): RowRun[] {
  const runs: [number, number][] = [];
  for (const origin of origins) {
    const last = runs.at(-1);
    if (last !== undefined && continues(last, origin)) last[1]++;
    else runs.push([origin, 1]);
  }
  return runs;
}

function continues([from, count]: RowRun, origin: number): boolean {
  return from < 0 ? origin < 0 : origin === from + count;
}

/**
 * The value after `changes`. What did not change is shared with the value before; nothing of that
 * is written to. Throws RangeError for operations that do not fit the value.
 */
export function applyChanges(before: unknown, changes: readonly Change[]): unknown {
  const root: Fields = { value: before };
  const own = new Set<object>([root]);
  for (const change of changes) {
    const path = ["value", ...change.path];
    const last = path.length - 1;
    let holder: object = root;
    for (let depth = 0; depth < last; depth++) holder = ownPart(holder, path[depth], own);
    applyTo(holder, path[last], change, own);
  }
  return root.value;
}

/** The part of `holder` under `key`, as a copy that may be written to. */
function ownPart(holder: object, key: string | number, own: Set<object>): object {
  const part = partOf(holder, key);
  if (typeof part !== "object" || part === null) {
    throw new RangeError(`the value has no list or object at ${JSON.stringify(key)}`);
  }
  if (own.has(part)) return part;
  const copy = Array.isArray(part) ? [...part] : copyOf(part as Fields);
  own.add(copy);
  put(holder, key, copy);
  return copy;
}

function applyTo(holder: object, key: string | number, change: Change, own: Set<object>): void {
  if ("rows" in change) {
    const list = partOf(holder, key);
    if (!Array.isArray(list)) throw new RangeError(`no list at ${JSON.stringify(key)}`);
    const moved = change.rows.flatMap(([from, count]) => {
      return from < 0 ? new Array<null>(count).fill(null) : list.slice(from, from + count);
    });
    own.add(moved);
    put(holder, key, moved);
  } else if ("remove" in change) delete (holder as { [key: string]: unknown })[key];
  else put(holder, key, change.value);
}

function partOf(holder: object, key: string | number): unknown {
  return Object.hasOwn(holder, key) ? (holder as Fields)[key] : undefined;
}

/** Sets an own field whatever its name is: `__proto__` too is only a name. */
function put(holder: object, key: string | number, value: unknown): void {
  if (key !== "__proto__") (holder as { [key: string]: unknown })[key] = value;
  else Object.defineProperty(holder, key, { ...plainField, value });
}

const plainField = { configurable: true, enumerable: true, writable: true } as const;

/** A spread keeps a field `__proto__` as a field. */
function copyOf(fields: Fields): Fields {
  return { ...fields };
}
