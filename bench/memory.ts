/**
 * The case `memory`: what a task that waits costs the controller's kernel beside the user's own
 * bytes, and how long a million of them ever stops it.
 *
 * Bytes are what the collector leaves of the heap and of array buffers. The story of tasks, which
 * is bounded whatever waits, is filled before anything is counted.
 *
 * @module
 */

import { constants, type PerformanceEntry, PerformanceObserver } from "node:perf_hooks";
import type { BenchCase, Prepared } from "./cases.ts";
import { argumentBytes, KernelCluster } from "./kernel-cluster.ts";

const taskCount = 1_000_000;
/** As large as the client makes a submission. */
const submitSize = 16_384;
const warmUpTasks = 100_000;

/** An entry of the type "gc". */
type CollectionEntry = PerformanceEntry & { readonly detail: { readonly flags: number } };

/** The longest pauses of the collector since it was made; those that we asked for do not count. */
class PauseWatch {
  longestMs = 0;
  readonly #observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const { detail, duration } = entry as CollectionEntry;
      if ((detail.flags & constants.NODE_PERFORMANCE_GC_FLAGS_FORCED) !== 0) continue;
      this.longestMs = Math.max(this.longestMs, duration);
    }
  });

  constructor() {
    this.#observer.observe({ entryTypes: ["gc"] });
  }

  async close(): Promise<void> {
    await turn(); // What it has seen comes with a turn of the loop.
    this.#observer.disconnect();
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function bytesInUse(): number {
  if (globalThis.gc === undefined)
    throw new Error("run it with --expose-gc, as npm run bench does");
  globalThis.gc();
  globalThis.gc();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

interface Costs {
  readonly bytesPerTask: number;
  readonly pauseMs: number;
  readonly submitMs: number;
  readonly stepMs: number;
}

/** A million tasks are submitted in slices and half of them run; `keyOf` gives each its key. */
async function measure(keyOf: ((number: number) => string) | null): Promise<Costs> {
  const cluster = new KernelCluster({ workers: 8, slotsPerWorker: 16 });
  cluster.submitAll(warmUpTasks, submitSize);
  cluster.drain();
  cluster.releaseFrom(0);
  const before = bytesInUse();
  const watch = new PauseWatch();
  cluster.longestStepMs = 0;
  for (let left = taskCount; left > 0; left -= submitSize) {
    const count = Math.min(submitSize, left);
    const keys = keyOf === null ? [] : Array.from({ length: count }, (_, i) => keyOf(left - i));
    cluster.submit(count, keys);
    await turn();
  }
  const submitMs = cluster.longestStepMs;
  await turn();
  const bytes = bytesInUse() - before - taskCount * argumentBytes;
  cluster.longestStepMs = 0;
  for (let steps = 0; cluster.finished < warmUpTasks + taskCount / 2; steps++) {
    cluster.finishNext();
    if (steps % 16 === 0) await turn();
  }
  await watch.close();
  return {
    bytesPerTask: bytes / taskCount,
    pauseMs: watch.longestMs,
    submitMs,
    stepMs: cluster.longestStepMs,
  };
}

/** The least of what the runs gave: what else the machine does can only add to a pause. */
class Least {
  readonly #least = new Map<string, number>();

  take(values: { readonly [name: string]: number }): void {
    for (const [name, value] of Object.entries(values)) {
      this.#least.set(name, Math.min(value, this.#least.get(name) ?? value));
    }
  }

  values(): { readonly [name: string]: number } {
    return Object.fromEntries(this.#least);
  }
}

async function prepare(): Promise<Prepared> {
  const least = new Least();
  return {
    run: async () => {
      const array = await measure(null);
      const keyed = await measure((number) => `sweep/learning-rate/${number}`);
      least.take({
        keyedBytesPerTask: keyed.bytesPerTask,
        pauseMaxMs: array.pauseMs,
        keyedPauseMaxMs: keyed.pauseMs,
        submitMaxMs: array.submitMs,
        keyedSubmitMaxMs: keyed.submitMs,
        stepMaxMs: Math.max(array.stepMs, keyed.stepMs),
      });
      return array.bytesPerTask;
    },
    pids: [],
    close: async () => undefined,
    details: () => least.values(),
  };
}

export const memoryCase: BenchCase = {
  name: "memory",
  unit: "B/task",
  what:
    `${taskCount} tasks that wait in the controller's kernel, in slices of ${submitSize}; ` +
    "the same with explicit keys; longest collection (wall) and step (CPU), least of the runs",
  prepare,
};
