/**
 * All tasks of a job, page by page.
 *
 * @module
 */

import type { TaskState } from "../model/states.ts";
import { callApi } from "./api.ts";
import type { Target } from "./global-flags.ts";
import { summarisedTasksMax, taskPageSize } from "./limits.ts";
import type { TaskView } from "./responses.ts";

/** Tasks, and how many there are in all: more than were read if the bound was reached. */
export interface JobTasks {
  readonly tasks: readonly TaskView[];
  readonly totalCount: number;
}

/** Reads the tasks of a job in these states (none: all of them), at most 10,000. */
export async function readTasks(
  target: Target,
  jobId: string,
  states: readonly TaskState[] = [],
): Promise<JobTasks> {
  const tasks: TaskView[] = [];
  let pageToken = "";
  for (;;) {
    const request = { jobId, states, pageSize: taskPageSize, pageToken };
    const page = await callApi(target, "ListTasks", request);
    tasks.push(...page.tasks);
    pageToken = page.nextPageToken;
    if (pageToken === "" || tasks.length >= summarisedTasksMax) {
      return { tasks, totalCount: page.totalCount };
    }
  }
}
