/**
 * How a job ended: its exit code, and for one that did not succeed the cause in a few lines.
 *
 * @module
 */

import { type TaskState, taskStates } from "../model/states.ts";
import { exitCodes } from "./context.ts";
import { describeEnd, lastLines } from "./describe-attempt.ts";
import { stderrTailLines } from "./limits.ts";
import type { JobView, TaskView } from "./responses.ts";

/** Job states after which nothing changes any more. */
const terminalJobStates: readonly string[] = [
  "SUCCEEDED",
  "FAILED",
  "KILLED",
  "WORKER_FAILED",
  "UNSCHEDULABLE",
];

/** Task states that explain why a job did not succeed, the telling ones first. */
export const failedTaskStates: readonly TaskState[] = [
  ...(["FAILED", "UNSCHEDULABLE", "WORKER_FAILED", "PREEMPTED", "COSCHED_FAILED"] as const),
  ...(["UPSTREAM_FAILED", "KILLED"] as const),
];

/** Whether a job has ended. */
export function isTerminalJob({ state }: Pick<JobView, "state">): boolean {
  return terminalJobStates.includes(state);
}

/** Whether a task has ended. */
export function isTerminalTask({ state }: { readonly state: string }): boolean {
  const index = (taskStates as readonly string[]).indexOf(state);
  return index >= taskStates.indexOf("SUCCEEDED");
}

/** 0 for a job that succeeded, else 1. */
export function exitCodeOf({ state }: Pick<JobView, "state">): number {
  return state === "SUCCEEDED" ? exitCodes.ok : exitCodes.found;
}

/** The verdict, then each of `failed` with how it ended and the end of its stderr. */
export function describeJobEnd(job: JobView, failed: readonly TaskView[]): readonly string[] {
  const error = job.error === null ? "" : `: ${job.error.message}`;
  const others = job.failedTaskCount - failed.length;
  return [
    `${job.jobId} ended ${job.state}${error}`,
    ...failed.flatMap(describeFailedTask),
    ...(others > 0 ? [`  and ${others} more that failed`] : []),
    `  for more: capstan job summary ${job.jobId}`,
  ];
}

function describeFailedTask(task: TaskView): readonly string[] {
  const last = task.attempts.at(-1);
  const end = last === undefined ? "" : describeEnd(last);
  const reason = end === "" ? (task.error?.message ?? task.pendingReason ?? "") : end;
  const where = last === undefined ? "" : ` (attempt ${last.attemptId} on ${last.workerId})`;
  const tail = lastLines(last?.stderrTail ?? "", stderrTailLines);
  return [
    `  task ${task.taskId} ${task.state}${where}${reason === "" ? "" : `: ${reason}`}`,
    ...tail.map((line) => `    | ${line}`),
  ];
}
