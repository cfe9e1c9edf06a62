/**
 * The tree of jobs, by their names and by their records.
 *
 * @module
 */

import type { ControllerState, Job } from "./state.ts";

/** The name of the job under which one stands, or null for a root: `/user/a/b` → `/user/a`. */
export function parentPath(jobId: string): string | null {
  const cut = jobId.lastIndexOf("/");
  const above = jobId.slice(0, cut);
  return above.lastIndexOf("/") <= 0 ? null : above;
}

/** The name of the root of its tree: `/user/a/b/c` → `/user/a`. */
export function rootPath(jobId: string): string {
  return jobId.split("/", 3).join("/");
}

/** Whether `jobId` is `root` or lies below it. */
export function isWithin(jobId: string, root: string): boolean {
  return jobId === root || jobId.startsWith(`${root}/`);
}

/** The job and all below it that are remembered, parents first. Iterative. */
export function treeOf(state: ControllerState, job: Job): Job[] {
  const found = [job];
  for (let next = 0; next < found.length; next++) {
    for (const child of found[next].launch?.children ?? []) found.push(state.jobs[child]);
  }
  return found;
}
