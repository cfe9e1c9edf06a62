/**
 * A job as it begins.
 *
 * @module
 */

import { taskStates } from "../model/states.ts";
import type { Job } from "./state.ts";

type NewJob = Pick<
  Job,
  "index" | "id" | "user" | "userIndex" | "client" | "launch" | "sequence" | "submittedAt"
>;

export function newJob(fields: NewJob): Job {
  return {
    ...fields,
    stateCounts: new Uint32Array(taskStates.length),
    liveTasks: 0,
    startedAt: 0,
    finishedAt: 0,
    sessionEnded: false,
    pruned: false,
  };
}
