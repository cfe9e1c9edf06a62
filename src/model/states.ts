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

/** Index of each band in `bands`: what the tables store; the lower goes first. */
export const bandCode: { readonly [B in Band]: number } = {
  production: 0,
  interactive: 1,
  batch: 2,
};

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
  // Of commands: the work directory could not be made, or the program could not be started.
  "build-failed",
  // By a signal that nobody here sent.
  "killed",
  // Stops, by why they were ordered; `stopped` is a cancel.
  "preempted",
  "cosched-failed",
  "start-timeout",
  "drained",
  // A gang that could not start together was returned.
  "gang-returned",
  // A plugin could not be set up in the executor: the task itself has not run.
  "setup-failed",
  // Its function asked to run later, or elsewhere.
  "rescheduled",
  // Of calls: the actor ended before the call had.
  "actor-lost",
] as const;

export type AttemptCause = (typeof attemptCauses)[number];

export function attemptCauseCode(cause: AttemptCause): number {
  return attemptCauses.indexOf(cause);
}
