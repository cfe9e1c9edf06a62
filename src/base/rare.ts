/**
 * Maps and sets of what few have: nearly always empty, and asked for everybody. An empty one is
 * not searched.
 *
 * @module
 */

export function getRare<K, V>(map: ReadonlyMap<K, V>, key: K): V | undefined {
  return map.size === 0 ? undefined : map.get(key);
}

export function hasRare<K>(all: { readonly size: number; has(key: K): boolean }, key: K): boolean {
  return all.size > 0 && all.has(key);
}

export function deleteRare<K>(
  all: { readonly size: number; delete(key: K): boolean },
  key: K,
): void {
  if (all.size > 0) all.delete(key);
}
