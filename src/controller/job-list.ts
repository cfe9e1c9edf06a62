/**
 * Which jobs a list shows, and in which order.
 *
 * @module
 */

import type { Principal } from "../model/job.ts";
import { jobState } from "./job-state.ts";
import { seesOwnOnly } from "./own-reads.ts";
import type { ListRequest } from "./pages.ts";
import { eachInSteps, endsItemStep, type Scan } from "./scan.ts";
import { type Orders, orderNamed, Selection } from "./selection.ts";
import type { ControllerState, Job } from "./state.ts";
import { jobView } from "./views.ts";

/** `filter` of ListJobs: all that is given must hold. */
interface JobFilter {
  readonly user?: string;
  readonly states?: readonly string[];
  readonly namePrefix?: string;
  readonly parent?: string;
  readonly rootsOnly?: boolean;
}

const orders: Orders<Job> = {
  submittedAt: ({ sequence }) => sequence,
  name: ({ id }) => id,
  state: (job) => jobState(job),
  failureCount: ({ launch }) => launch?.failureCount ?? 0,
  preemptionCount: ({ launch }) => launch?.preemptionCount ?? 0,
};

/** The ListJobs response: of one name only the latest job; by default the latest first. */
export function* listJobs(
  state: ControllerState,
  request: ListRequest,
  principal: Principal,
): Scan<{ jobs: unknown[]; totalCount: number; nextPageToken: string }> {
  const filter = (request.filter ?? {}) as JobFilter;
  const { keyOf, direction } = orderNamed(orders, request.orderBy ?? "submittedAt desc");
  const selection = new Selection<Job>(request, direction);
  const own = seesOwnOnly(principal) ? principal.user : null;
  for (const [place, job] of state.jobs.entries()) {
    if (endsItemStep(place)) yield;
    if (state.jobsById.get(job.id) !== job.index || (own !== null && job.user !== own)) continue;
    if (matches(state, job, filter)) selection.offer(job, keyOf(job), job.sequence);
  }
  const { page, nextPageToken } = selection.page();
  const shown = page.filter((job) => !job.pruned);
  const jobs = yield* eachInSteps(shown, (job) => jobView(state, job));
  return { jobs, totalCount: selection.count, nextPageToken };
}

function matches(state: ControllerState, job: Job, filter: JobFilter): boolean {
  const { user, states, namePrefix, parent, rootsOnly } = filter;
  if (user !== undefined && user !== "" && job.user !== user) return false;
  if (states !== undefined && states.length > 0 && !states.includes(jobState(job))) return false;
  if (namePrefix !== undefined && !job.id.includes(namePrefix)) return false;
  const above = job.launch === null ? -1 : job.launch.parent;
  if (rootsOnly === true && above >= 0) return false;
  if (parent === undefined || parent === "") return true;
  return above >= 0 && state.jobs[above].id === parent;
}
