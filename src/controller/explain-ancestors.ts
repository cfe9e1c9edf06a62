/**
 * The deadlock that a tree of jobs can make of itself: all that a child needs is held by its own
 * parents, which wait for it. Nothing is done about it; it is said.
 *
 * @module
 */

import { canEverRun, lacksOn } from "./eligibility.ts";
import { plainReason, type Reason } from "./explain-reasons.ts";
import { type ControllerState, isHealthy, jobOf, type Shape, type Worker } from "./state.ts";

/** One reason if only what the task's ancestors hold keeps it from every worker; else none. */
export function ancestorReasons(state: ControllerState, shape: Shape, task: number): Reason[] {
  const ancestors = ancestorsOf(state, task);
  if (ancestors.size === 0) return [];
  const able = state.workers.filter(
    (worker) => isHealthy(worker) && canEverRun(state, shape, worker),
  );
  const blocked = able.filter((worker) => {
    const used = usedByJobs(state, worker, ancestors);
    return lacksOn(state, shape, worker, used).length > 0;
  });
  if (able.length === 0 || blocked.length < able.length) return [];
  const names = [...ancestors].map((index) => state.jobs[index].id).join(", ");
  const message =
    `its own parents (${names}) hold what it needs on every worker that could run it: if they ` +
    "wait for it, none of them goes on; let parents ask for less, or add a worker";
  return [plainReason("INSUFFICIENT", message, able.length)];
}

/** Indices of the jobs above that of a task, nearest first. */
function ancestorsOf(state: ControllerState, task: number): ReadonlySet<number> {
  const found = new Set<number>();
  let { launch } = jobOf(state, task);
  while (launch !== null && launch.parent >= 0) {
    found.add(launch.parent);
    launch = state.jobs[launch.parent].launch;
  }
  return found;
}

function usedByJobs(
  state: ControllerState,
  worker: Worker,
  jobs: ReadonlySet<number>,
): Float64Array {
  const used = new Float64Array(worker.capacity.length);
  const { attempts } = state;
  for (const row of attempts.rows()) {
    if (attempts.worker[row] !== worker.index) continue;
    const grant = attempts.grantOf(row);
    if (!attempts.isGranted(row) || !jobs.has(state.tasks.job[attempts.task[row]])) continue;
    for (let i = 0; i < used.length && i < grant.length; i++) used[i] += grant[i];
  }
  return used;
}
