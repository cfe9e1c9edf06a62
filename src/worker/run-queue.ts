/**
 * Ready runs of one shape in the order (priority descending, arrival ascending): a strict total
 * order, so that nothing depends on the moment at which a run became ready.
 *
 * @module
 */

import type { Run } from "./state.ts";

/** Runs of one priority, by arrival; `items[head]` is the first. */
interface Level {
  readonly priority: number;
  readonly items: Run[];
  head: number;
}

/** True if `a` goes before `b`. */
export function goesBefore(a: Run, b: Run): boolean {
  const first = a.spec.definition.priority;
  const second = b.spec.definition.priority;
  return first !== second ? first > second : a.arrival < b.arrival;
}

export class RunQueue {
  readonly #levels: Level[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  push(run: Run): void {
    const { items, head } = this.#level(run.spec.definition.priority);
    this.#size++;
    if (items.length === head || items[items.length - 1].arrival < run.arrival) items.push(run);
    else items.splice(indexOfArrival(items, head, run.arrival), 0, run);
  }

  /** Takes out a run that is in the queue. */
  remove(run: Run): void {
    const level = this.#level(run.spec.definition.priority);
    this.#size--;
    if (level.items[level.head] === run) dropFirst(level);
    else level.items.splice(indexOfArrival(level.items, level.head, run.arrival), 1);
    if (level.items.length === 0 && this.#levels.length > 1) {
      this.#levels.splice(this.#levels.indexOf(level), 1);
    }
  }

  /** The run that goes first, or null. */
  first(): Run | null {
    for (const level of this.#levels) {
      if (level.head < level.items.length) return level.items[level.head];
    }
    return null;
  }

  *[Symbol.iterator](): Generator<Run> {
    for (const level of this.#levels) yield* level.items.slice(level.head);
  }

  #level(priority: number): Level {
    const levels = this.#levels;
    let index = 0;
    while (index < levels.length && levels[index].priority > priority) index++;
    if (index === levels.length || levels[index].priority !== priority) {
      levels.splice(index, 0, { priority, items: [], head: 0 });
    }
    return levels[index];
  }
}

function dropFirst(level: Level): void {
  level.head++;
  if (level.head === level.items.length) {
    level.items.length = 0;
    level.head = 0;
  } else if (level.head >= 1024 && level.head * 2 > level.items.length) {
    level.items.splice(0, level.head);
    level.head = 0;
  }
}

/** First index from `from` on whose arrival is at least `arrival`. */
function indexOfArrival(items: readonly Run[], from: number, arrival: number): number {
  let low = from;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (items[middle].arrival < arrival) low = middle + 1;
    else high = middle;
  }
  return low;
}
