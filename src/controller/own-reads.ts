/**
 * Users see their own jobs; administrators and viewers see all. What everybody may see is what a
 * shared cluster needs to be understood: workers, queues, who holds what, by id.
 *
 * @module
 */

import { CapstanError } from "../model/errors.ts";
import type { Principal } from "../model/job.ts";
import { findTask } from "./lookup.ts";
import { type ControllerState, type Job, jobNamed, jobOf } from "./state.ts";

/** Whether somebody sees only what is their own. */
export function seesOwnOnly({ role }: Principal): boolean {
  return role === "user";
}

/** Throws FORBIDDEN if the job is somebody else's and the principal sees only its own. */
export function requireOwn(principal: Principal, job: Pick<Job, "id" | "user">): void {
  if (!seesOwnOnly(principal) || job.user === principal.user) return;
  throw new CapstanError(
    "FORBIDDEN",
    `${job.id} belongs to ${job.user}, and ${principal.user} sees only its own jobs; ask ` +
      "for a token of role viewer to see all",
    { details: { jobId: job.id, user: principal.user } },
  );
}

/** The same for whatever job or task an id names; one that names nothing is for others to tell. */
export function requireOwnId(state: ControllerState, principal: Principal, id: string): void {
  if (!seesOwnOnly(principal) || id === "") return;
  const job = jobNamed(state, id) ?? jobOfTask(state, id);
  if (job !== null) requireOwn(principal, job);
}

function jobOfTask(state: ControllerState, id: string): Job | null {
  try {
    return jobOf(state, findTask(state, id));
  } catch (error) {
    if (error instanceof CapstanError && error.code === "NOT_FOUND") return null;
    throw error;
  }
}
