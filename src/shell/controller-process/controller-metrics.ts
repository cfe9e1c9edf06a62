/**
 * What the controller process counts, and what `/metrics` shows of it and of the cluster.
 *
 * @module
 */

import { monitorEventLoopDelay } from "node:perf_hooks";
import { type Metric, metricByLabel, plainMetric } from "../api/metrics.ts";
import { CallTimes } from "./call-times.ts";
import type { ClusterSummary } from "./kernel.ts";
import { loopLateMsMax } from "./limits.ts";
import type { EndedTasks } from "./throughput.ts";
import { packageVersion } from "./version.ts";

/** Counts that go with the process. */
export interface ProcessCounts {
  readonly journalSequence: number;
  readonly durableSequence: number;
  readonly epoch: number;
  readonly clientCount: number;
  /** Workers that are connected and registered. */
  readonly workerSessionCount: number;
  readonly openChangeCount: number;
  readonly ended: EndedTasks;
  readonly live: LiveCounts;
}

/** What live queries do. */
export interface LiveCounts {
  readonly connectionCount: number;
  readonly queryCount: number;
  readonly readCount: number;
  /** CPU time of the loop. */
  readonly busyMs: number;
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
  readonly calls = new CallTimes();

  /** `onLate` is told of each second in which the loop was later than its budget. */
  constructor(onLate: (lateMs: number) => void) {
    this.#onLate = onLate;
    this.#lag.enable();
    this.#beats = setInterval(() => this.#beat(), lagResolutionMs);
    this.#beats.unref();
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
      ...resourceMetrics(summary.resources),
      ...valueMetrics(summary),
      ...functionMetrics(summary),
      endedMetric(counts.ended),
      ...liveMetrics(counts.live),
      ...processMetrics(counts),
      this.#lagMetric(),
      plainMetric(
        "counter",
        "capstan_event_loop_late_seconds_total",
        `Seconds in which the event loop was more than its budget of ${loopLateMsMax} ms late.`,
        this.#lateSeconds,
      ),
      ...this.calls.metrics(),
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
}

/** What is measured is a timer of `lagResolutionMs`, all of it. */
function lateOf(nanoseconds: number): number {
  return Math.max(0, nanoseconds - lagResolutionMs * 1e6);
}

function clusterMetrics(summary: ClusterSummary): readonly Metric[] {
  const { taskStateCounts, workerStateCounts, attemptCount, recomputedCount } = summary;
  const { queuedTaskCount, queueCount } = summary;
  return [
    plainMetric(
      "gauge",
      "capstan_queued_tasks",
      "Tasks ready to run, not placed.",
      queuedTaskCount,
    ),
    plainMetric("gauge", "capstan_queues", "Different requests among these.", queueCount),
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

type Use = ClusterSummary["resources"];

/** In the base units of Prometheus: cores, bytes, whole devices. */
function resourceMetrics(resources: Use): readonly Metric[] {
  const metric = (name: string, help: string, amountOf: (use: Use[number]) => number): Metric => ({
    ...{ name, type: "gauge", help },
    samples: resources.map((use) => {
      const value = use.unit === "MILLI" ? amountOf(use) / 1_000 : amountOf(use);
      return { labels: { resource: use.name }, value };
    }),
  });
  return [
    metric(
      "capstan_resource_capacity",
      "What workers that are not lost have: cores, bytes, devices, slots.",
      ({ total }) => total,
    ),
    metric(
      "capstan_resource_committed",
      "Of that, what is granted to attempts that have not ended.",
      ({ committed }) => committed,
    ),
    metric("capstan_resource_held", "Of that, free and kept for somebody.", ({ held }) => held),
  ];
}

function valueMetrics({
  valueBytes,
  spilledBytes,
  trafficCounts,
}: ClusterSummary): readonly Metric[] {
  const counter = (name: string, help: string, value: number): Metric => {
    return plainMetric("counter", name, help, value);
  };
  return [
    metricByLabel(
      {
        name: "capstan_value_bytes",
        type: "gauge",
        help: "Bytes of values that workers hold, copies too, by where they are.",
      },
      "place",
      { memory: Math.max(0, valueBytes - spilledBytes), disk: spilledBytes },
    ),
    counter(
      "capstan_spills_total",
      "Values that workers wrote to their disks.",
      trafficCounts.spillCount,
    ),
    counter("capstan_loads_total", "Values that workers read back.", trafficCounts.loadCount),
    counter(
      "capstan_spill_failures_total",
      "Values that a disk did not take, or did not give back.",
      trafficCounts.spillFailureCount,
    ),
    counter(
      "capstan_fetches_total",
      "Values that workers had from others.",
      trafficCounts.fetchCount,
    ),
    counter("capstan_fetched_bytes_total", "Bytes of these.", trafficCounts.fetchedBytes),
  ];
}

function functionMetrics(summary: ClusterSummary): readonly Metric[] {
  const { processCount, processBytes, trafficCounts } = summary;
  return [
    plainMetric(
      "gauge",
      "capstan_function_processes",
      "Processes in which workers run functions.",
      processCount,
    ),
    plainMetric(
      "gauge",
      "capstan_function_process_bytes",
      "Memory that these have for themselves.",
      processBytes,
    ),
    plainMetric(
      "counter",
      "capstan_function_processes_replaced_total",
      "Those that were not used again: too old, too large, not clean, or before a restart.",
      trafficCounts.processRecycledCount,
    ),
  ];
}

function endedMetric({ succeeded, failed }: EndedTasks): Metric {
  return metricByLabel(
    {
      name: "capstan_tasks_ended_total",
      type: "counter",
      help: "Ends of tasks since this controller began to serve, also of those done again.",
    },
    "outcome",
    { succeeded, failed },
  );
}

function liveMetrics({ connectionCount, queryCount, readCount, busyMs }: LiveCounts) {
  return [
    plainMetric("gauge", "capstan_live_connections", "Open streams of events.", connectionCount),
    plainMetric("gauge", "capstan_live_queries", "Questions kept up to date.", queryCount),
    plainMetric("counter", "capstan_live_reads_total", "Reads for live queries.", readCount),
    plainMetric(
      "counter",
      "capstan_live_cpu_seconds_total",
      "CPU time of the event loop for live queries.",
      busyMs / 1_000,
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
    gauge("capstan_worker_sessions", "Workers that are connected.", counts.workerSessionCount),
    gauge("capstan_open_changes", "Changes through the API without an answer.", openChangeCount),
    {
      ...{ name: "capstan_build_info", type: "gauge", help: "1; its labels say what runs." },
      samples: [{ labels: { version: packageVersion, node: process.version }, value: 1 }],
    },
    gauge(
      "process_start_time_seconds",
      "When the process began, in seconds since 1970.",
      performance.timeOrigin / 1_000,
    ),
    gauge("nodejs_heap_size_used_bytes", "Heap in use.", process.memoryUsage().heapUsed),
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
