/**
 * Priorities for the tasks of a graph whose run times are known: what a user who knows them would
 * set. The scheduler itself knows no run times.
 *
 * - `none`: as they come.
 * - `critical-path`: by the longest chain of work that hangs on a task, its own included (the
 *   "upward rank" of HEFT, the "b-level" of others).
 * - `wide-first`: the same, times the CPUs of the task: what is hard to place goes first.
 * - `widest-first`: by CPUs, and then by the chain.
 * - `longest-first`: by its own run time.
 * - `work`: by all the work that hangs on it, counted along every path.
 *
 * @module
 */

import type { PlannedTask, Workload } from "./workload.ts";

export const rankings = [
  "none",
  "critical-path",
  "wide-first",
  "widest-first",
  "longest-first",
  "work",
] as const;

export type Ranking = (typeof rankings)[number];

/** The workload with priorities by a ranking. */
export function rankTasks(workload: Workload, ranking: Ranking): Workload {
  if (ranking === "none") return workload;
  const ranks = ranksOf(workload.tasks, ranking);
  const tasks = workload.tasks.map((task, index) => ({ ...task, priority: ranks[index] }));
  return { ...workload, tasks };
}

function ranksOf(tasks: readonly PlannedTask[], ranking: Ranking): number[] {
  if (ranking === "longest-first") return tasks.map(({ runUs }) => Math.round(runUs));
  const below = new Array<number>(tasks.length).fill(0);
  const ranks = new Array<number>(tasks.length).fill(0);
  for (let index = tasks.length - 1; index >= 0; index--) {
    const { runUs, resources, dependencies } = tasks[index];
    const cpus = resources.cpuMilli / 1_000;
    const own = ranking === "work" ? runUs * cpus : runUs;
    ranks[index] = Math.min(Math.round(own + below[index]), Number.MAX_SAFE_INTEGER);
    for (const one of dependencies) {
      below[one] =
        ranking === "work" ? below[one] + ranks[index] : Math.max(below[one], ranks[index]);
    }
  }
  if (ranking !== "wide-first" && ranking !== "widest-first") return ranks;
  const longest = ranks.reduce((most, rank) => Math.max(most, rank), 0);
  return ranks.map((rank, index) => {
    const cpus = tasks[index].resources.cpuMilli / 1_000;
    return Math.round(ranking === "wide-first" ? rank * cpus : rank + longest * cpus);
  });
}
