/**
 * Which workers are in the same state: equal capacity, equal use, of devices too. What depends on
 * nothing else need be computed once for all of them; on a cluster that is idle, or that has a few
 * sizes of jobs, they are few.
 *
 * @module
 */

import type { DeviceSeat } from "./fragmentation.ts";

type State = Omit<DeviceSeat, "attributes">;

export class AlikeWorkers {
  readonly #numbers = new Map<string, number>();
  /** Worker → the number of its state; -1 where it must be found out. */
  readonly #states: number[] = [];
  /** Worker → its capacity, and a text that is short and stands for it. */
  readonly #capacities: Float64Array[] = [];
  readonly #machines: string[] = [];
  readonly #machineNames = new Map<string, string>();
  #next = 0;

  /** The worker has changed, or may have. */
  forget(worker: number): void {
    this.#states[worker] = -1;
  }

  /** Equal for workers in the same state, as of when each was first asked about after a change. */
  stateOf(worker: number, seat: State): number {
    const known = this.#states[worker] ?? -1;
    if (known >= 0) return known;
    const key = this.#keyOf(worker, seat);
    let number = this.#numbers.get(key);
    if (number === undefined) {
      // A number is never used again: who has an old one shares it with fewer, and no more.
      if (this.#numbers.size > 2 * (this.#states.length + 16)) this.#numbers.clear();
      number = this.#next++;
      this.#numbers.set(key, number);
    }
    this.#states[worker] = number;
    return number;
  }

  #keyOf(worker: number, { capacity, used, deviceUse }: State): string {
    if (this.#capacities[worker] !== capacity) {
      this.#capacities[worker] = capacity;
      this.#machines[worker] = this.#machineOf(`${capacity}`);
    }
    let key = `${this.#machines[worker]}|${used}`;
    for (const [index, use] of deviceUse) key += `|${index}:${use}`;
    return key;
  }

  /** The name of a capacity; past a bound a long one stands for itself. */
  #machineOf(capacity: string): string {
    const known = this.#machineNames.get(capacity);
    if (known !== undefined) return known;
    if (this.#machineNames.size >= machineNamesMax) return capacity;
    const name = `m${this.#machineNames.size}`;
    this.#machineNames.set(capacity, name);
    return name;
  }
}

/** Different capacities that have a short name. */
const machineNamesMax = 1_024;
