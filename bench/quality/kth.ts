/**
 * The job log of KTH-SP2: rigid jobs of 1 to 100 processors over eleven months, with the run times
 * that users asked for. The measure is the average bounded slowdown.
 *
 * @module
 */

import { noResources } from "../../src/model/resources.ts";
import { readSwf } from "../../src/planning/read-swf.ts";
import { runPlan } from "../../src/planning/run-plan.ts";
import type { PlannedCluster, Workload } from "../../src/planning/workload.ts";
import type { QueuePolicy } from "../../src/scheduler/queue-policy.ts";
import { readData } from "./data.ts";

export interface KthRun {
  readonly policy: QueuePolicy;
  /** Mean over the jobs of (wait + run) / run, a run shorter than 10 s counting as 10 s. */
  readonly averageBoundedSlowdown: number;
  readonly meanWaitS: number;
  readonly maxWaitS: number;
  readonly cpuSeconds: number;
  readonly steps: number;
}

/** The machine: one worker stands for its hundred like processors. */
const machine: PlannedCluster = {
  name: "KTH-SP2",
  machines: [
    {
      ...{ name: "sp2", count: 1, attributes: {}, commandSlots: 1_000 },
      capacity: { ...noResources, cpuMilli: 100_000 },
    },
  ],
};

export function readKth(): Workload {
  return readSwf("KTH-SP2", readData("swf/KTH-SP2-predictsim-28481.swf.gz"));
}

export function runKth(workload: Workload, policy: QueuePolicy): KthRun {
  const before = process.cpuUsage();
  const { outcomes, unplaced, steps } = runPlan(workload, machine, { policy });
  const { user, system } = process.cpuUsage(before);
  if (unplaced.length > 0) throw new Error(`${unplaced.length} jobs never ran`);
  let slowdowns = 0;
  let waits = 0;
  let maxWaitS = 0;
  for (const [index, { submitUs, runUs }] of workload.tasks.entries()) {
    const waitS = (outcomes[index].startedAt - submitUs) / 1e6;
    const runS = runUs / 1e6;
    slowdowns += Math.max(1, (waitS + runS) / Math.max(10, runS));
    waits += waitS;
    maxWaitS = Math.max(maxWaitS, waitS);
  }
  const count = workload.tasks.length;
  return {
    policy,
    averageBoundedSlowdown: slowdowns / count,
    meanWaitS: waits / count,
    maxWaitS,
    cpuSeconds: (user + system) / 1e6,
    steps,
  };
}
