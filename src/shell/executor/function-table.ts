/**
 * The functions that this executor has met, by a small index: a bundle's path, a name and whose
 * it is travel to each thread once.
 *
 * @module
 */

import type { FunctionPlace } from "./thread-messages.ts";

export class FunctionTable {
  readonly #places: FunctionPlace[] = [];
  readonly #byBundle = new Map<string, Map<string, number>>();

  get count(): number {
    return this.#places.length;
  }

  /** The index of a function for its users, new ones at the end. */
  indexOf({ bundlePath, functionName, user, priority }: Omit<FunctionPlace, "index">): number {
    let names = this.#byBundle.get(bundlePath);
    if (names === undefined) {
      names = new Map();
      this.#byBundle.set(bundlePath, names);
    }
    const name = `${functionName} ${priority} ${user}`;
    const known = names.get(name);
    if (known !== undefined) return known;
    const index = this.#places.length;
    names.set(name, index);
    this.#places.push({ index, bundlePath, functionName, user, priority });
    return index;
  }

  from(index: number): readonly FunctionPlace[] {
    return index === this.#places.length ? [] : this.#places.slice(index);
  }
}
