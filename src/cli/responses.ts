/**
 * What the API answers, as types: the shapes of the JSON that `--json` prints.
 *
 * @module
 */

import type { Resources } from "../model/resources.ts";

/** One try of a task. Times are RFC 3339 or null. */
export interface AttemptView {
  readonly attemptId: string;
  readonly workerId: string;
  readonly incarnation: string;
  readonly state: string;
  readonly cause: string | null;
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly oom: boolean;
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  readonly stderrTail: string;
  readonly granted: Resources;
}

/** One task. */
export interface TaskView {
  readonly taskId: string;
  readonly jobId: string;
  readonly key: string;
  readonly index: number;
  readonly state: string;
  readonly workerId: string | null;
  readonly attempts: readonly AttemptView[];
  readonly inputs: readonly string[];
  /** Why it ended without a value; `blame` is the task that failed first. */
  readonly error: { readonly message: string; readonly blame: string } | null;
  readonly pendingReason: string | null;
}

/** One worker; `available = total - committed - held`. */
export interface WorkerView {
  readonly workerId: string;
  readonly incarnation: string;
  readonly address: string;
  readonly state: string;
  readonly stateReason: string;
  readonly lastHeartbeatAt: string | null;
  readonly total: Resources;
  readonly committed: Resources;
  readonly held: Resources;
  readonly available: Resources;
  readonly runningTaskIds: readonly string[];
  readonly stoppingAttemptIds: readonly string[];
  readonly heldValueBytes: number;
  readonly rssBytes: number;
}

/** Why a task is not running, and what would start it. */
export interface Explanation {
  readonly id: string;
  readonly kind: string;
  readonly state: string;
  readonly summary: string;
  readonly canRunNow: boolean;
  readonly canEverRun: boolean;
  readonly reasons: readonly {
    readonly code: string;
    readonly dimension: string | null;
    readonly clause: string | null;
    readonly workers: number;
    readonly workersTotal: number;
    readonly need: number | null;
    readonly best: number | null;
    readonly bestWorkerId: string | null;
    readonly message: string;
  }[];
  readonly wakers: readonly {
    readonly kind: string;
    readonly id: string;
    readonly message: string;
  }[];
  readonly aheadCount: number;
  readonly ahead: readonly unknown[];
  readonly holders: readonly {
    readonly workerId: string;
    readonly taskId: string;
    readonly user: string;
    readonly granted: Resources;
  }[];
  readonly change: { readonly kind: string; readonly message: string } | null;
  readonly deadlineAt: string | null;
}

/** What the audit of the live controller found. */
export interface DoctorReport {
  readonly ok: boolean;
  readonly journalSeq: number;
  readonly invariantsChecked: number;
  readonly violations: readonly {
    readonly rule: string;
    readonly ids: readonly string[];
    readonly message: string;
    readonly story: readonly string[];
  }[];
  readonly usageMismatches: readonly {
    readonly workerId: string;
    readonly dimension: string;
    readonly charged: number;
    readonly recomputed: number;
    readonly reported: number | null;
  }[];
  readonly orphans: readonly unknown[];
  readonly stuck: readonly {
    readonly id: string;
    readonly state: string;
    readonly sinceMs: number;
    readonly waker: string | null;
  }[];
  readonly watchdogFired: number;
  readonly loops: readonly { readonly name: string; readonly lastTickAgoMs: number }[];
  readonly version: string;
}

/** One line of a story or of the log of events; further fields differ from kind to kind. */
export interface EventView {
  readonly at: string;
  readonly type: string;
  readonly message?: string;
  readonly [field: string]: unknown;
}

/** The response of each method that the commands use. */
export interface Responses {
  readonly ListWorkers: {
    readonly workers: readonly WorkerView[];
    readonly controllerEpoch: number;
    readonly nextPageToken: string;
  };
  readonly ListTasks: {
    readonly tasks: readonly TaskView[];
    readonly totalCount: number;
    readonly nextPageToken: string;
  };
  readonly GetTaskStatus: { readonly task: TaskView };
  readonly GetStory: { readonly id: string; readonly events: readonly EventView[] };
  readonly ListEvents: {
    readonly events: readonly (EventView & { readonly sequence: number })[];
    readonly nextPageToken: string;
  };
  readonly Explain: Explanation;
  readonly GetDoctorReport: DoctorReport;
}
