/**
 * How long calls of the API took from the call to the answer, and how they ended, by method: a
 * counter and a histogram. Names come from closed sets: what anybody may send never becomes a
 * label.
 *
 * @module
 */

import type { Metric, MetricSample } from "../api/metrics.ts";

/** Upper bounds, seconds. The disk's answer is in it: a change waits until it is durable. */
const bounds = [0.001, 0.005, 0.025, 0.1, 0.5, 2.5];

interface Times {
  readonly buckets: Float64Array;
  sumSeconds: number;
  count: number;
}

export class CallTimes {
  readonly #codes = new Map<string, { method: string; code: string; count: number }>();
  readonly #times = new Map<string, Times>();

  /** An answer: `OK` or the code of its error, and how long it took. */
  count(method: string, code: string, seconds: number): void {
    const key = `${method} ${code}`;
    const entry = this.#codes.get(key);
    if (entry === undefined) this.#codes.set(key, { method, code, count: 1 });
    else entry.count++;
    this.#time(method, seconds);
  }

  metrics(): readonly Metric[] {
    return [
      {
        name: "capstan_api_calls_total",
        type: "counter",
        help: "Calls that were answered, by method and by the code of the answer.",
        samples: [...this.#codes.values()].map(({ method, code, count }) => {
          return { labels: { method, code }, value: count };
        }),
      },
      {
        name: "capstan_api_call_duration_seconds",
        type: "histogram",
        help: "From the call to its answer, which is durable, by method.",
        samples: [...this.#times].flatMap(([method, times]) => samplesOf(method, times)),
      },
    ];
  }

  #time(method: string, seconds: number): void {
    let times = this.#times.get(method);
    if (times === undefined) {
      times = { buckets: new Float64Array(bounds.length), sumSeconds: 0, count: 0 };
      this.#times.set(method, times);
    }
    times.sumSeconds += seconds;
    times.count++;
    // Buckets are cumulative: each counts what the smaller ones count, too.
    for (const [index, bound] of bounds.entries()) if (seconds <= bound) times.buckets[index]++;
  }
}

function samplesOf(method: string, { buckets, sumSeconds, count }: Times): MetricSample[] {
  const labels = { method };
  return [
    ...bounds.map((bound, index) => {
      return { suffix: "_bucket", labels: { method, le: String(bound) }, value: buckets[index] };
    }),
    { suffix: "_bucket", labels: { method, le: "+Inf" }, value: count },
    { suffix: "_sum", labels, value: sumSeconds },
    { suffix: "_count", labels, value: count },
  ];
}
