/**
 * Which workers are in the same state: equal capacity, equal use, of devices too. What depends on
 * nothing else need be computed once for all of them; on a cluster that is idle, or that has a few
 * sizes of jobs, they are few.
 *
 * @module
 */

import type { DeviceSeat } from "./fragmentation.ts";

export class AlikeWorkers {
  readonly #numbers = new Map<string, number>();
  /** Worker → the number of its state. */
  readonly #states: number[] = [];
  #next = 0;

  set(worker: number, seat: Omit<DeviceSeat, "attributes">): void {
    const key = keyOf(seat);
    let number = this.#numbers.get(key);
    if (number === undefined) {
      if (this.#numbers.size > 2 * (this.#states.length + 16)) this.#numbers.clear();
      number = this.#next++; // Never used again: who has an old one only shares it with fewer.
      this.#numbers.set(key, number);
    }
    this.#states[worker] = number;
  }

  /** Equal for workers in the same state, as of when they were last set. */
  stateOf(worker: number): number {
    return this.#states[worker];
  }
}

function keyOf({ capacity, used, deviceUse }: Omit<DeviceSeat, "attributes">): string {
  let key = `${capacity}|${used}`;
  for (const [index, use] of deviceUse) key += `|${index}:${use}`;
  return key;
}
