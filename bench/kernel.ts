/**
 * The case `kernel`: the controller's state machine alone, and how flat it is: the same work with
 * other numbers of tasks and of workers, each beside the base in turn, as a ratio to it.
 *
 * Rates are per second of CPU time of this process, the collector's threads included: what else the
 * machine does must not count.
 *
 * @module
 */

import type { BenchCase, Prepared } from "./cases.ts";
import { KernelCluster } from "./kernel-cluster.ts";
import { cpuSecondsOf, median } from "./measure.ts";

const taskCount = 500_000;
const workerCount = 8;
const slotsPerWorker = 16;
const submitSize = 10_000;

/** What others are compared with. */
const base: Load = { tasks: 1_000_000, workers: workerCount };

/** Tasks that one measurement of the flatness runs, in one piece or several. */
const comparedTasks = 1_000_000;
const comparisons = 3;

interface Load {
  readonly tasks: number;
  readonly workers: number;
}

/** Name of the detail → what is compared, and how often: the largest only once. */
const compared: readonly (readonly [string, Load, number])[] = [
  ["tasks10k", { ...base, tasks: 10_000 }, comparisons],
  ["tasks100k", { ...base, tasks: 100_000 }, comparisons],
  ["tasks10M", { ...base, tasks: 10_000_000 }, 1],
  ["workers1", { ...base, workers: 1 }, comparisons],
  ["workers100", { ...base, workers: 100 }, comparisons],
  ["workers1000", { ...base, workers: 1_000 }, comparisons],
];

function clusterOf(workers: number): KernelCluster {
  return new KernelCluster({ workers, slotsPerWorker });
}

/** CPU seconds from the first submission to the last end; all wait before the first one runs. */
function runTasks(cluster: KernelCluster, tasks: number): number {
  const { finished } = cluster;
  const seconds = cpuSecondsOf(() => {
    cluster.submitAll(tasks, submitSize);
    cluster.drain();
  });
  const ran = cluster.finished - finished;
  if (ran !== tasks) throw new Error(`${ran} of ${tasks} tasks finished`);
  return seconds;
}

/** Tasks a second, without the client's letting go of them; small loads are run often. */
function rateOf({ tasks, workers }: Load): number {
  globalThis.gc?.(); // Of what was measured before; its sweepers would count in a small piece.
  const cluster = clusterOf(workers);
  const pieces = Math.max(1, Math.round(comparedTasks / tasks));
  if (pieces > 1) runAndRelease(cluster, tasks); // To warm up.
  let seconds = 0;
  for (let piece = 0; piece < pieces; piece++) seconds += runAndRelease(cluster, tasks);
  return (pieces * tasks) / seconds;
}

function runAndRelease(cluster: KernelCluster, tasks: number): number {
  const first = cluster.nextNumber;
  const seconds = runTasks(cluster, tasks);
  cluster.releaseFrom(first);
  return seconds;
}

/** Each load's rate as a ratio to that of the base, measured right before and after it. */
function measureFlatness(): { readonly [name: string]: number } {
  const ratios = compared.map(([name, load, count]) => {
    const measured = Array.from({ length: count }, () => {
      const before = rateOf(base);
      const rate = rateOf(load);
      return (2 * rate) / (before + rateOf(base));
    });
    return [name, median(measured)] as const;
  });
  return Object.fromEntries(ratios);
}

async function prepare(): Promise<Prepared> {
  const cluster = clusterOf(workerCount);
  let release = 0;
  return {
    run: async () => {
      const first = cluster.nextNumber;
      const seconds = runTasks(cluster, taskCount);
      release = cpuSecondsOf(() => cluster.releaseFrom(first));
      return taskCount / seconds;
    },
    pids: [],
    close: async () => undefined,
    details: () => ({ releasesPerSecond: taskCount / release, ...measureFlatness() }),
  };
}

export const kernelCase: BenchCase = {
  name: "kernel",
  unit: "tasks/s",
  what:
    `the controller's state machine alone: ${taskCount} tasks, submit to finish, ` +
    `${workerCount} workers, per CPU second; then ratios to ${base.tasks} tasks`,
  prepare,
};
