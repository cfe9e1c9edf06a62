/**
 * What the controller process counts, and what `/metrics` shows of it and of the cluster.
 *
 * @module
 */

import { monitorEventLoopDelay } from "node:perf_hooks";
import { type Metric, metricByLabel, plainMetric } from "../api/metrics.ts";
import type { ClusterSummary } from "./kernel.ts";
import { loopLateMsMax } from "./limits.ts";

/** Counts that go with the process. */
export interface ProcessCounts {
  readonly journalSequence: number;
  readonly durableSequence: number;
  readonly epoch: number;
  readonly clientCount: number;
  readonly openChangeCount: number;
}

const lagResolutionMs = 20;
const lookEveryMs = 1_000;

export class ControllerMetrics {
  /** How late the event loop is, in nanoseconds, since the process began. */
  readonly #lag = monitorEventLoopDelay({ resolution: lagResolutionMs });
  readonly #onLate: (lateMs: number) => void;
  readonly #beats: NodeJS.Timeout;
  #beatAtMs = performance.now();
  #lookAtMs = this.#beatAtMs + lookEveryMs;
  /** The most since the last look. The histogram above forgets a pause during which it is reset. */
  #latestMs = 0;
  #lateSeconds = 0;
  #lastLate = { atMs: Number.NEGATIVE_INFINITY, lateMs: 0 };
  readonly #calls = new Map<string, { method: string; code: string; count: number }>();

  /** `onLate` is told of each second in which the loop was later than its budget. */
  constructor(onLate: (lateMs: number) => void) {
    this.#onLate = onLate;
    this.#lag.enable();
    this.#beats = setInterval(() => this.#beat(), lagResolutionMs);
    this.#beats.unref();
  }

  /** Names come from closed sets: what anybody may send never becomes a label. */
  countCall(method: string, code: string): void {
    const key = `${method} ${code}`;
    const entry = this.#calls.get(key);
    if (entry === undefined) this.#calls.set(key, { method, code, count: 1 });
    else entry.count++;
  }

  /** How late the loop was when it was last too late, in ms, if that is not long ago; else 0. */
  lately(withinMs: number): number {
    const { atMs, lateMs } = this.#lastLate;
    return performance.now() - atMs < withinMs ? lateMs : 0;
  }

  close(): void {
    clearInterval(this.#beats);
    this.#lag.disable();
  }

  collect(summary: ClusterSummary, counts: ProcessCounts): readonly Metric[] {
    return [
      ...clusterMetrics(summary),
      ...processMetrics(counts),
      this.#lagMetric(),
      plainMetric(
        "counter",
        "capstan_event_loop_late_seconds_total",
        `Seconds in which the event loop was more than its budget of ${loopLateMsMax} ms late.`,
        this.#lateSeconds,
      ),
      this.#callMetric(),
    ];
  }

  #beat(): void {
    const nowMs = performance.now();
    this.#latestMs = Math.max(this.#latestMs, nowMs - this.#beatAtMs - lagResolutionMs);
    this.#beatAtMs = nowMs;
    if (nowMs < this.#lookAtMs) return;
    this.#lookAtMs = nowMs + lookEveryMs;
    const lateMs = this.#latestMs;
    this.#latestMs = 0;
    if (lateMs <= loopLateMsMax) return;
    this.#lateSeconds++;
    this.#lastLate = { atMs: nowMs, lateMs };
    this.#onLate(lateMs);
  }

  #lagMetric(): Metric {
    const sample = (quantile: string, nanoseconds: number) => {
      return { labels: { quantile }, value: lateOf(nanoseconds) / 1e9 };
    };
    return {
      name: "capstan_event_loop_lag_seconds",
      type: "gauge",
      help: "How late a timer of 20 ms was, since the process began; quantile 1 is the most.",
      samples: [
        sample("0.5", this.#lag.percentile(50)),
        sample("0.99", this.#lag.percentile(99)),
        sample("1", this.#lag.max),
      ],
    };
  }

  #callMetric(): Metric {
    return {
      name: "capstan_api_calls_total",
      type: "counter",
      help: "Calls that were answered, by method and by the code of the answer.",
      samples: [...this.#calls.values()].map(({ method, code, count }) => {
        return { labels: { method, code }, value: count };
      }),
    };
  }
}

/** What is measured is a timer of `lagResolutionMs`, all of it. */
function lateOf(nanoseconds: number): number {
  return Math.max(0, nanoseconds - lagResolutionMs * 1e6);
}

function clusterMetrics(summary: ClusterSummary): readonly Metric[] {
  const { taskStateCounts, workerStateCounts, attemptCount, recomputedCount } = summary;
  return [
    metricByLabel(
      { name: "capstan_tasks", type: "gauge", help: "Tasks that are remembered, by state." },
      "state",
      taskStateCounts,
    ),
    metricByLabel(
      { name: "capstan_workers", type: "gauge", help: "Workers that are remembered, by state." },
      "state",
      workerStateCounts,
    ),
    plainMetric(
      "counter",
      "capstan_attempts_total",
      "Attempts since this controller began to serve.",
      attemptCount,
    ),
    plainMetric(
      "counter",
      "capstan_recomputed_total",
      "Executions that were done again because a worker or a value was lost.",
      recomputedCount,
    ),
  ];
}

function processMetrics(counts: ProcessCounts): readonly Metric[] {
  const { journalSequence, durableSequence, epoch, clientCount, openChangeCount } = counts;
  const gauge = (name: string, help: string, value: number): Metric => {
    return plainMetric("gauge", name, help, value);
  };
  return [
    gauge("capstan_journal_sequence", "Sequence of the last journaled fact.", journalSequence),
    gauge("capstan_journal_durable_sequence", "The last one on the disk.", durableSequence),
    gauge("capstan_controller_epoch", "Starts of a controller on this journal.", epoch),
    gauge("capstan_clients", "Clients that are connected.", clientCount),
    gauge("capstan_open_changes", "Changes through the API without an answer.", openChangeCount),
    gauge("process_resident_memory_bytes", "Resident memory.", process.memoryUsage.rss()),
    plainMetric(
      "counter",
      "process_cpu_seconds_total",
      "User and system CPU time.",
      cpuSeconds(process.cpuUsage()),
    ),
  ];
}

function cpuSeconds({ user, system }: NodeJS.CpuUsage): number {
  return (user + system) / 1e6;
}
