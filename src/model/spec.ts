/**
 * What a task is: immutable, shared by all tasks of one submission that ask for the same.
 *
 * @module
 */

import type { Constraint } from "./constraints.ts";
import type { Resources } from "./resources.ts";
import type { Band } from "./states.ts";

/** A function of a bundle: the user's module, content-addressed. */
export interface FunctionRun {
  readonly kind: "function";
  /** SHA-256 of the bundle, hex. */
  readonly bundle: string;
  /** The `name` of the task, as exported by the bundle. */
  readonly functionName: string;
}

/** Delay before a retry: doubles from `initialMs` up to `maxMs`. */
export interface RetryBackoff {
  readonly initialMs: number;
  readonly maxMs: number;
}

/** Everything about a task but its arguments, its dependencies and its state. */
export interface TaskSpec {
  readonly run: FunctionRun;
  /** For people: shown in lists and errors. */
  readonly name: string;
  readonly resources: Resources;
  readonly constraints: readonly Constraint[];
  readonly band: Band;
  /** Higher goes first within a band. A safe integer; default 0. */
  readonly priority: number;
  /** How often the function may fail and be tried again. Default 0. */
  readonly maxRetriesFailure: number;
  /** How often the worker under it may die after it had started. Default 3. */
  readonly maxRetriesWorkerLoss: number;
  readonly retryBackoff: RetryBackoff;
  /** Run time limit of one attempt; 0 is none. Past it the task is FAILED and not retried. */
  readonly timeoutMs: number;
  /** Bounds the wait for the first start; 0 waits for ever. Past it: UNSCHEDULABLE. */
  readonly schedulingTimeoutMs: number;
  /** How long a stop may take before the executor is ended by force. */
  readonly graceMs: number;
}

export const specDefaults = {
  band: "interactive",
  priority: 0,
  maxRetriesFailure: 0,
  maxRetriesWorkerLoss: 3,
  retryBackoff: { initialMs: 0, maxMs: 60_000 },
  timeoutMs: 0,
  schedulingTimeoutMs: 0,
  graceMs: 1_000,
} as const;
