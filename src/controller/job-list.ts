/**
 * Which jobs a list shows, and in which order.
 *
 * @module
 */

import { CapstanError } from "../model/errors.ts";
import { jobState } from "./job-state.ts";
import { listedJobs } from "./job-tree.ts";
import type { ListRequest } from "./pages.ts";
import type { ControllerState, Job } from "./state.ts";

/** `filter` of ListJobs: all that is given must hold. */
interface JobFilter {
  readonly user?: string;
  readonly states?: readonly string[];
  readonly namePrefix?: string;
  readonly parent?: string;
  readonly rootsOnly?: boolean;
}

type Order = (state: ControllerState, a: Job, b: Job) => number;

const orders: { readonly [name: string]: Order } = {
  submittedAt: (_, a, b) => a.sequence - b.sequence,
  name: (_, a, b) => compareTexts(a.id, b.id),
  state: (_, a, b) => compareTexts(jobState(a), jobState(b)),
  failureCount: (_, a, b) => failures(a) - failures(b),
  preemptionCount: (_, a, b) => preemptions(a) - preemptions(b),
};

/** Jobs that match, in the order asked for; by default the latest first. */
export function matchingJobs(state: ControllerState, request: ListRequest): Job[] {
  const filter = (request.filter ?? {}) as JobFilter;
  const { order, sign } = orderOf(request.orderBy ?? "submittedAt desc");
  return listedJobs(state)
    .filter((job) => matches(state, job, filter))
    .sort((a, b) => sign * order(state, a, b) || a.sequence - b.sequence);
}

function orderOf(orderBy: unknown): { order: Order; sign: 1 | -1 } {
  const [name, direction, rest] = String(orderBy).split(" ");
  const isKnown = Object.hasOwn(orders, name) && ["desc", "asc", undefined].includes(direction);
  if (isKnown && rest === undefined) {
    return { order: orders[name], sign: direction === "desc" ? -1 : 1 };
  }
  const known = Object.keys(orders).join(", ");
  throw new CapstanError(
    "INVALID_ARGUMENT",
    `orderBy: expected one of ${known}, with " desc" for the reverse, not ${orderBy}`,
  );
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

function failures({ launch }: Job): number {
  return launch?.failureCount ?? 0;
}

function preemptions({ launch }: Job): number {
  return launch?.preemptionCount ?? 0;
}

function compareTexts(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
