/**
 * How values travelled, collected until the next heartbeat. Bounded: what is too much is counted.
 *
 * @module
 */

import type { Micros } from "../base/time.ts";
import type { TaskRef, WorkerIndex } from "../model/ids.ts";
import { trafficRowsMax } from "../protocol/limits.ts";
import type { HotMessageOf } from "../protocol/messages.ts";
import { trafficBytesMin, trafficUsMin } from "./limits.ts";

/** A value, or some together, that came from a peer, or went to the disk or back. */
export interface Travel {
  /** As in `trafficKind`. */
  readonly kind: number;
  /** The first of `count`. */
  readonly task: TaskRef;
  readonly count: number;
  readonly sizeBytes: number;
  /** Who had it: of a fetch; 0 for others. */
  readonly peer: WorkerIndex;
  readonly startedAt: Micros;
  readonly endedAt: Micros;
}

/** Small ones that took no time are nothing to look at. */
export function isTold({ sizeBytes, startedAt, endedAt }: Travel): boolean {
  return sizeBytes >= trafficBytesMin || endedAt - startedAt >= trafficUsMin;
}

export class TrafficColumns {
  #travels: Travel[] = [];
  #omitted = 0;

  get count(): number {
    return this.#travels.length + this.#omitted;
  }

  push(travel: Travel): void {
    if (this.#travels.length < trafficRowsMax) this.#travels.push(travel);
    else this.#omitted++;
  }

  /** The message of all that was collected, as seen at `at`. */
  messageAt(at: Micros): HotMessageOf<"traffic"> {
    const travels = this.#travels;
    return {
      type: "traffic",
      kinds: Uint8Array.from(travels, ({ kind }) => kind),
      tasks: Float64Array.from(travels, ({ task }) => task),
      counts: Uint32Array.from(travels, ({ count }) => count),
      sizes: Float64Array.from(travels, ({ sizeBytes }) => sizeBytes),
      agos: Float64Array.from(travels, ({ endedAt }) => at - endedAt),
      durations: Float64Array.from(travels, ({ startedAt, endedAt }) => endedAt - startedAt),
      peers: Uint32Array.from(travels, ({ peer }) => peer),
      omitted: this.#omitted,
    };
  }

  clear(): void {
    this.#travels = [];
    this.#omitted = 0;
  }
}
