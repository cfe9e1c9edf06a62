/**
 * The state of a job, derived from the states of its tasks. First match wins.
 *
 * @module
 */

import { type JobState, type TaskState, taskStateCode } from "../model/states.ts";
import type { Job, Launch } from "./state.ts";

function count(job: Job, state: TaskState): number {
  return job.stateCounts[taskStateCode[state]];
}

/** Tasks that have not ended. */
export function openTasks(job: Job): number {
  return (
    count(job, "PENDING") + count(job, "ASSIGNED") + count(job, "BUILDING") + count(job, "RUNNING")
  );
}

/** Tasks that have an attempt. */
export function activeTasks(job: Job): number {
  return openTasks(job) - count(job, "PENDING");
}

/** The state of a job now. A launched job that has ended keeps its state. */
export function jobState(job: Job): JobState {
  const { launch } = job;
  if (launch === null) return graphState(job);
  return launch.ended ?? terminalState(job, launch) ?? openState(job);
}

/** Whether the job is over, and how: what `settleJobs` makes final. */
export function terminalState(job: Job, launch: Launch): JobState | null {
  const total = launch.rows.length;
  const succeeded = count(job, "SUCCEEDED");
  const failed = count(job, "FAILED");
  if (succeeded === total) return "SUCCEEDED";
  if (failed > launch.spec.maxTaskFailures) return "FAILED";
  if (count(job, "UNSCHEDULABLE") > 0) return "UNSCHEDULABLE";
  if (count(job, "KILLED") > 0) return "KILLED";
  if (openTasks(job) > 0) return null;
  // The failures that were allowed for: the job did what it was asked to.
  if (succeeded + failed === total) return succeeded > 0 ? "SUCCEEDED" : "FAILED";
  return "WORKER_FAILED"; // Some were lost: with a worker, to others, or with their gang.
}

/** A job that has started once never looks as if it had not. */
function openState(job: Job): JobState {
  const active = count(job, "ASSIGNED") + count(job, "BUILDING") + count(job, "RUNNING");
  return active > 0 || job.startedAt > 0 ? "RUNNING" : "PENDING";
}

/** The job of a session is open until the session has ended and no task lives. */
function graphState(job: Job): JobState {
  const total = job.stateCounts.reduce((sum, one) => sum + one, 0);
  if (!job.sessionEnded || openTasks(job) > 0) {
    return job.startedAt > 0 || total > count(job, "PENDING") ? "RUNNING" : "PENDING";
  }
  if (count(job, "SUCCEEDED") === total) return "SUCCEEDED";
  if (count(job, "FAILED") > 0) return "FAILED";
  if (count(job, "UNSCHEDULABLE") > 0) return "UNSCHEDULABLE";
  if (count(job, "KILLED") > 0) return "KILLED";
  return count(job, "WORKER_FAILED") > 0 ? "WORKER_FAILED" : "FAILED";
}
