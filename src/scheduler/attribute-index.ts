/**
 * Which workers have which value of an attribute: where a constraint names few of them, nobody else
 * is looked at. Keys are taken up when a constraint first asks for them.
 *
 * @module
 */

import type { Attributes, Constraint } from "../model/constraints.ts";
import { attributeOf } from "../model/constraints.ts";
import { indexedKeysMax } from "./limits.ts";

type Values = Map<string, Set<number>>;

export class AttributeIndex {
  readonly #keys = new Map<string, Values>();
  /** As they were taken up. */
  readonly #attributes: (Attributes | undefined)[] = [];

  /** The attributes of a worker, which replace those that it had. */
  set(worker: number, attributes: Attributes): void {
    const before = this.#attributes[worker];
    if (before === attributes) return;
    this.#attributes[worker] = attributes;
    for (const [key, values] of this.#keys) {
      const old = before === undefined ? undefined : attributeOf(before, key);
      if (old !== undefined) values.get(old)?.delete(worker);
      add(values, attributeOf(attributes, key), worker);
    }
  }

  /**
   * The workers among which are all that satisfy the required constraints: the fewest that one
   * constraint names, or null if none names as few as `limit`. Rising.
   */
  fewestFor(constraints: readonly Constraint[], limit: number): readonly number[] | null {
    let fewest: readonly ReadonlySet<number>[] | null = null;
    let least = limit;
    for (const { key, op, values, mode } of constraints) {
      if (mode === "PREFERRED" || (op !== "=" && op !== "in")) continue;
      const sets = this.#setsOf(key, op === "=" ? values.slice(0, 1) : values);
      const count = sets.reduce((sum, { size }) => sum + size, 0);
      if (count > least) continue;
      fewest = sets;
      least = count;
    }
    if (fewest === null) return null;
    const named = new Set<number>();
    for (const set of fewest) for (const worker of set) named.add(worker);
    return [...named].sort((a, b) => a - b);
  }

  #setsOf(key: string, wanted: readonly string[]): readonly ReadonlySet<number>[] {
    const values = this.#valuesOf(key);
    const sets: Set<number>[] = [];
    for (const value of new Set(wanted)) {
      const set = values.get(value);
      if (set !== undefined) sets.push(set);
    }
    return sets;
  }

  #valuesOf(key: string): Values {
    const known = this.#keys.get(key);
    if (known !== undefined) return known;
    if (this.#keys.size >= indexedKeysMax) this.#keys.clear();
    const values: Values = new Map();
    for (const [worker, attributes] of this.#attributes.entries()) {
      if (attributes !== undefined) add(values, attributeOf(attributes, key), worker);
    }
    this.#keys.set(key, values);
    return values;
  }
}

function add(values: Values, value: string | undefined, worker: number): void {
  if (value === undefined) return;
  const workers = values.get(value);
  if (workers === undefined) values.set(value, new Set([worker]));
  else workers.add(worker);
}
