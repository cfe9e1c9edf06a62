/**
 * Priorities for the tasks of a graph whose run times are known: what a user who knows them would
 * set. The scheduler itself knows no run times.
 *
 * @module
 */

import type { PlannedTask, Workload } from "./workload.ts";

/**
 * `none`: as they come. `critical-path`: by the longest chain of work that hangs on a task, its own
 * included (the "upward rank" of HEFT, the "b-level" of others).
 */
export const rankings = ["none", "critical-path"] as const;

export type Ranking = (typeof rankings)[number];

/** The workload with priorities by a ranking. */
export function rankTasks(workload: Workload, ranking: Ranking): Workload {
  if (ranking === "none") return workload;
  const ranks = longestChains(workload.tasks);
  const tasks = workload.tasks.map((task, index) => ({ ...task, priority: ranks[index] }));
  return { ...workload, tasks };
}

/** Microseconds, by task. Each stands behind those that it depends on. */
function longestChains(tasks: readonly PlannedTask[]): number[] {
  const below = new Array<number>(tasks.length).fill(0);
  const chains = new Array<number>(tasks.length).fill(0);
  for (let index = tasks.length - 1; index >= 0; index--) {
    const { runUs, dependencies } = tasks[index];
    chains[index] = Math.min(Math.round(runUs + below[index]), Number.MAX_SAFE_INTEGER);
    for (const one of dependencies) below[one] = Math.max(below[one], chains[index]);
  }
  return chains;
}
