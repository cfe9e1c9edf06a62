/**
 * The states of tasks, jobs and workers: these names everywhere (API, CLI, pages).
 *
 * @module
 */

export const taskStates = [
  "PENDING",
  "ASSIGNED",
  "BUILDING",
  "RUNNING",
  "SUCCEEDED",
  "FAILED",
  "KILLED",
  "WORKER_FAILED",
  "PREEMPTED",
  "UNSCHEDULABLE",
  "COSCHED_FAILED",
  "UPSTREAM_FAILED",
] as const;

export type TaskState = (typeof taskStates)[number];

/** Index of each state in `taskStates`: what the tables store. */
export const taskStateCode: { readonly [S in TaskState]: number } = {
  PENDING: 0,
  ASSIGNED: 1,
  BUILDING: 2,
  RUNNING: 3,
  SUCCEEDED: 4,
  FAILED: 5,
  KILLED: 6,
  WORKER_FAILED: 7,
  PREEMPTED: 8,
  UNSCHEDULABLE: 9,
  COSCHED_FAILED: 10,
  UPSTREAM_FAILED: 11,
};

/** A terminal task never runs again unless somebody retries it or its lost value is needed. */
export function isTerminalCode(code: number): boolean {
  return code >= taskStateCode.SUCCEEDED;
}

export type JobState =
  | "PENDING"
  | "RUNNING"
  | "SUCCEEDED"
  | "FAILED"
  | "KILLED"
  | "WORKER_FAILED"
  | "UNSCHEDULABLE";

export type WorkerState = "HEALTHY" | "SUSPECT" | "UNUSABLE" | "CORDONED" | "DRAINING" | "LOST";

export const bands = ["production", "interactive", "batch"] as const;

/** Production runs before interactive runs before batch. */
export type Band = (typeof bands)[number];

/** Why an attempt ended. A closed set: API, journal and tables share it. */
export const attemptCauses = [
  "finished",
  "failed",
  "timeout",
  "oom",
  "exited",
  "input-unloadable",
  "module-unloadable",
  "stopped",
  "retracted",
  "refused",
  "dependency-lost",
  "worker-lost",
  "never-had-it",
  "superseded",
] as const;

export type AttemptCause = (typeof attemptCauses)[number];

export function attemptCauseCode(cause: AttemptCause): number {
  return attemptCauses.indexOf(cause);
}
