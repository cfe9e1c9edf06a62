/**
 * What the controller says of jobs, and what it is asked: the shapes of the API's answers that the
 * SDK hands on. Times are RFC 3339, or null while there is none. Fields may be added to each.
 *
 * @module
 */

import type { TaskFailure } from "../model/failure.ts";
import type { CommandJobOptions, CommonJobOptions } from "../model/job-options.ts";
import type { Resources } from "../model/resources.ts";
import type { FunctionExecutor } from "../model/spec.ts";
import type { AttemptCause, JobState, TaskState } from "../model/states.ts";
import type { TaskProgress } from "./future.ts";
import type { Task } from "./task.ts";
import type { WaitLimits } from "./waiting.ts";

/** What only commands have. */
type NotOfCommands = {
  readonly [N in Exclude<keyof CommandJobOptions, keyof CommonJobOptions>]?: undefined;
};

/** A job whose tasks each run the same function with the same arguments. */
export interface TaskJobOptions<A extends readonly unknown[], R>
  extends CommonJobOptions,
    NotOfCommands {
  /** What `defineTask` returned. */
  readonly task: Task<A, R>;
  /** Its arguments, without futures: a job is on its own. Default none. */
  readonly args?: NoInfer<A> | undefined;
  /** A thread of the worker, or a process that can be killed. Default `"thread"`. */
  readonly executor?: FunctionExecutor | undefined;
}

/** What `launchJob` takes. */
export type LaunchOptions<A extends readonly unknown[] = readonly unknown[], R = unknown> =
  | (CommandJobOptions & { readonly [N in "task" | "args" | "executor"]?: undefined })
  | TaskJobOptions<A, R>;

/** Something to know about a job that was accepted all the same. */
export interface JobWarning {
  /** `UNPLACEABLE`: no present worker could ever run it. */
  readonly code: string;
  readonly message: string;
  /** The worker that comes nearest, or "". */
  readonly nearestWorkerId: string;
  /** What that worker lacks. */
  readonly missing: Resources;
}

/** A job as `GetJobStatus` describes it. */
export interface JobStatus {
  readonly jobId: string;
  readonly user: string;
  readonly state: JobState;
  /** Why it ended otherwise than by success: of its first task that did; null while none has. */
  readonly error: TaskFailure | null;
  /** `PRODUCTION`, `INTERACTIVE` or `BATCH`. */
  readonly band: string;
  readonly replicas: number;
  /** How many tasks are in each state that any is in. */
  readonly taskStateCounts: { readonly [state in TaskState]?: number };
  /** Failed attempts of all tasks together. */
  readonly failureCount: number;
  /** Attempts that were taken away: workers lost, preemptions. */
  readonly preemptionCount: number;
  /** Tasks that ended FAILED. */
  readonly failedTaskCount: number;
  readonly submittedAt: string | null;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
  /** Why nothing of it runs, in a sentence; null while something does. */
  readonly pendingReason: string | null;
  readonly [field: string]: unknown;
}

/** A task of a job as `ListTasks` describes it. */
export interface JobTask {
  /** `/ada/train/0`. */
  readonly taskId: string;
  readonly jobId: string;
  readonly index: number;
  readonly state: TaskState;
  /** Where it is now; null while it is nowhere. Where it was is with its attempts. */
  readonly workerId: string | null;
  /** Oldest first. */
  readonly attempts: readonly JobAttempt[];
  readonly error: TaskFailure | null;
  readonly pendingReason: string | null;
  /** How far it says it is while it runs, or null. */
  readonly progress: TaskProgress | null;
  readonly [field: string]: unknown;
}

/** One try of a task. */
export interface JobAttempt {
  /** `3.17`. */
  readonly attemptId: string;
  readonly workerId: string;
  readonly state: "ASSIGNED" | "BUILDING" | "RUNNING" | "STOPPING" | "ENDED";
  /** Why it ended, or null. */
  readonly cause: AttemptCause | null;
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly oom: boolean;
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  /** The last lines that it wrote to stderr; at most 8 KiB. */
  readonly stderrTail: string;
  /** Of its whole tree at its largest; 0 if it was too short to be seen. */
  readonly peakRssBytes: number;
  readonly cpuMs: number;
  /** What it held. */
  readonly granted: Resources;
  readonly [field: string]: unknown;
}

/** One line that a task wrote. */
export interface JobLogLine {
  readonly taskId: string;
  /** Of the task in its job, which is this one or a child of it. */
  readonly index: number;
  readonly attemptId: string;
  /** When its worker read it, RFC 3339. */
  readonly at: string;
  readonly stream: "stdout" | "stderr";
  /** Without its end. */
  readonly text: string;
}

/** Which lines, and until when. */
export interface JobLogOptions {
  /** Go on as lines come, until the job has ended and all is read. Default false. */
  readonly follow?: boolean | undefined;
  /** Only lines that are not older: RFC 3339, or a duration ago: `"10m"`, or ms. */
  readonly since?: string | number | undefined;
  /** Begin with the last so many lines; at most 10,000. Default: from the first one. */
  readonly tail?: number | undefined;
  /** Only the task of this index. Default: all, also those of child jobs. */
  readonly taskIndex?: number | undefined;
  /** Only this attempt, such as `"3.17"`. Default: all. */
  readonly attempt?: string | undefined;
  /** Ends the reading with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** How long to wait for a job. */
export interface JobWaitOptions extends WaitLimits {
  /** Reject if the job ends otherwise than SUCCEEDED. Default false: look at its state. */
  readonly throwOnFailure?: boolean | undefined;
}
