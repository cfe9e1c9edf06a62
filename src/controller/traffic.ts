/**
 * How values travel: what all workers together did with them, and the latest ways one by one, with
 * their times. For people: a volatile index, as the log of runs is.
 *
 * @module
 */

import type { Micros } from "../base/time.ts";
import type { TaskRef, WorkerIndex } from "../model/ids.ts";
import type { HotMessageOf, WorkerMemory } from "../protocol/messages.ts";
import { trafficMax } from "./limits.ts";

const names = [
  "spillCount",
  "loadCount",
  "spillFailureCount",
  "fetchCount",
  "fetchedBytes",
  "processRecycledCount",
] as const satisfies readonly (keyof WorkerMemory)[];

/** Counts that only rise, also when workers go. */
export type TrafficCounts = { [N in (typeof names)[number]]: number };

export function noTraffic(): TrafficCounts {
  const values = { spillCount: 0, loadCount: 0, spillFailureCount: 0 };
  return { ...values, fetchCount: 0, fetchedBytes: 0, processRecycledCount: 0 };
}

/** A process that began anew says less than the one before it. */
export function countTraffic(
  counts: TrafficCounts,
  before: WorkerMemory,
  after: WorkerMemory,
): void {
  for (const name of names) counts[name] += Math.max(0, after[name] - before[name]);
}

/** A value, or some small ones together, on the way to its worker or its worker's disk. */
export interface Travel {
  readonly worker: WorkerIndex;
  /** As in `trafficKind`. */
  readonly kind: number;
  /** The first of `count`. */
  readonly task: TaskRef;
  readonly count: number;
  readonly sizeBytes: number;
  /** Who had it: of a fetch. */
  readonly peer: WorkerIndex;
  readonly startedAt: Micros;
  readonly endedAt: Micros;
}

export class TrafficLog {
  readonly #travels: Travel[] = [];
  #next = 0;
  /** Ways that were too many for their worker to tell. */
  omitted = 0;

  /** Takes what a worker tells; its times count back from now. */
  add(worker: WorkerIndex, message: HotMessageOf<"traffic">, at: Micros): void {
    this.omitted += message.omitted;
    for (let i = 0; i < message.kinds.length; i++) {
      const endedAt = Math.max(0, at - message.agos[i]);
      this.#push({
        ...{ worker, kind: message.kinds[i], task: message.tasks[i], count: message.counts[i] },
        ...{ sizeBytes: message.sizes[i], peer: message.peers[i] },
        ...{ startedAt: Math.max(0, endedAt - message.durations[i]), endedAt },
      });
    }
  }

  #push(travel: Travel): void {
    this.#travels[this.#next] = travel;
    this.#next = (this.#next + 1) % trafficMax;
  }

  /** Those that were under way in a window, the latest told first. */
  *within(from: Micros, to: Micros): Generator<Travel> {
    const { length } = this.#travels;
    for (let back = 1; back <= length; back++) {
      const travel = this.#travels[(this.#next - back + trafficMax) % trafficMax];
      if (travel.endedAt >= from && travel.startedAt <= to) yield travel;
    }
  }
}
