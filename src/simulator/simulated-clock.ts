/**
 * The clock of one process: it starts somewhere and runs a little too fast or too slow. It never
 * goes back while its process lives.
 *
 * @module
 */

import type { Micros } from "../base/time.ts";
import type { WorkerEvent } from "../worker/events.ts";
import type { Timeline } from "./timeline.ts";

const million = 1_000_000;

export class SimulatedClock {
  readonly #timeline: Timeline;
  readonly #origin: Micros;
  readonly #startsAt: Micros;
  readonly #ratePpm: number;

  /** It shows `startsAt` now, and gains `ratePpm` microseconds in each second. */
  constructor(timeline: Timeline, startsAt: Micros, ratePpm: number) {
    this.#timeline = timeline;
    this.#origin = timeline.now;
    this.#startsAt = startsAt;
    this.#ratePpm = ratePpm;
  }

  now(): Micros {
    return this.#startsAt + this.#shown(this.#timeline.now - this.#origin);
  }

  /** What it showed, or would have shown, at a moment of the timeline. */
  at(moment: Micros): Micros {
    return this.#startsAt + this.#shown(moment - this.#origin);
  }

  /** The first moment of the timeline at which it shows `at` or more. */
  when(at: Micros): Micros {
    const wanted = at - this.#startsAt;
    if (wanted <= 0 || this.#ratePpm === 0) return this.#origin + wanted;
    let elapsed = Math.floor(wanted / (1 + this.#ratePpm / million));
    while (this.#shown(elapsed) < wanted) elapsed++;
    return this.#origin + elapsed;
  }

  #shown(elapsed: number): number {
    if (this.#ratePpm === 0) return elapsed;
    return elapsed + Math.floor((elapsed * this.#ratePpm) / million);
  }
}

/** When survivors started, as the clock of the process that takes them over would have shown it. */
export function recoveredBy(
  clock: SimulatedClock,
  event: Extract<WorkerEvent, { type: "recovered" }>,
): WorkerEvent {
  const survivors = event.survivors.map((survivor) => ({
    ...survivor,
    startedAt: Math.max(0, clock.at(survivor.startedAt)),
  }));
  return { ...event, at: clock.now(), survivors };
}
