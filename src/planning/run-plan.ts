/**
 * A workload on a cluster, from its first submission to its last end.
 *
 * @module
 */

import type { Micros } from "../base/time.ts";
import type { QueuePolicy } from "../scheduler/queue-policy.ts";
import { Drive, type Watcher } from "./drive.ts";
import type { PlannedCluster, Workload } from "./workload.ts";

/** What became of a task; times from the beginning of the workload, -1 for never. */
export interface TaskOutcome {
  startedAt: Micros;
  endedAt: Micros;
  worker: number;
}

export interface PlanRun {
  readonly outcomes: readonly TaskOutcome[];
  /** Tasks that were never placed: their places in the workload. */
  readonly unplaced: readonly number[];
  /** When the last task ended. */
  readonly makespanUs: Micros;
  readonly placements: number;
  readonly steps: number;
}

export interface PlanOptions {
  readonly policy: QueuePolicy;
  /** Told now and then how many tasks have ended. */
  readonly onProgress?: (ended: number) => void;
  readonly watcher?: Watcher;
}

/** How often progress is told, in ends. */
const progressEvery = 256;

export function runPlan(
  workload: Workload,
  cluster: PlannedCluster,
  { policy, onProgress, watcher }: PlanOptions,
): PlanRun {
  const { tasks } = workload;
  const outcomes: TaskOutcome[] = tasks.map(() => ({ startedAt: -1, endedAt: -1, worker: -1 }));
  let ended = 0;
  const drive = new Drive(
    tasks,
    {
      onStart: (task, worker, at) => {
        outcomes[task].startedAt = at;
        outcomes[task].worker = worker;
        watcher?.onStart(task, worker, at);
      },
      onEnd: (task, worker, at) => {
        outcomes[task].endedAt = at;
        watcher?.onEnd(task, worker, at);
        if (++ended % progressEvery === 0) onProgress?.(ended);
      },
    },
    policy,
  );
  for (const machines of cluster.machines) drive.addMachines(machines);
  const batches = batchesOf(workload);
  let next = 0;
  while (next < batches.length || drive.nextEnd() < Number.POSITIVE_INFINITY) {
    const submitAt = batches[next]?.submitUs ?? Number.POSITIVE_INFINITY;
    // What ends frees its room before what comes at the same instant looks for some.
    if (drive.nextEnd() <= submitAt) drive.endNext();
    else {
      drive.advance(submitAt);
      drive.submit(batches[next++].tasks);
    }
  }
  onProgress?.(ended);
  const unplaced = [...outcomes.keys()].filter((task) => outcomes[task].startedAt < 0);
  const makespanUs = outcomes.reduce((last, { endedAt }) => Math.max(last, endedAt), 0);
  return { outcomes, unplaced, makespanUs, placements: drive.placements, steps: drive.steps };
}

interface Batch {
  readonly submitUs: Micros;
  readonly tasks: number[];
}

/** Tasks of one graph that come together are submitted together; others each on their own. */
function batchesOf({ tasks, isGraph }: Workload): Batch[] {
  const batches: Batch[] = [];
  for (const [index, { submitUs, user }] of tasks.entries()) {
    const last = batches.at(-1);
    const joins = isGraph && last?.submitUs === submitUs && last.tasks.length < batchMax;
    if (joins && tasks[last.tasks[0]].user === user) last.tasks.push(index);
    else batches.push({ submitUs, tasks: [index] });
  }
  return batches;
}

const batchMax = 10_000;
