/**
 * Why a task failed, as data: what travels from a worker through the controller to the caller.
 *
 * @module
 */

/** The error that user code threw, or what stands for it when no code could throw. */
export interface ErrorRecord {
  /** The class name, or `"NonError"` when something else was thrown. */
  readonly name: string;
  readonly message: string;
  readonly stack: string;
  /** `error.cause` and so on, outermost first; at most 8. */
  readonly causes: readonly { readonly name: string; readonly message: string }[];
}

/** A failed attempt's story, as its worker tells it. */
export interface AttemptFailure {
  readonly error: ErrorRecord;
  /** Exit code of the executor, or null while it lives. */
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly oom: boolean;
  /** The last lines that the task wrote to stderr; at most 8 KiB. */
  readonly stderrTail: string;
}

/** What one attempt of a command used, and how its process ended. */
export interface AttemptUsage {
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly oom: boolean;
  /** Of its whole tree at its largest; 0 if it was too short to be seen. */
  readonly peakRssBytes: number;
  readonly cpuMs: number;
  /** Output that was not kept because the log was full. */
  readonly droppedLogBytes: number;
  /** At most 8 KiB. */
  readonly stderrTail: string;
}

/** Why a task ended without a value. `blame` is the root: the task whose failure began it. */
export interface TaskFailure {
  /** A code of the error registry: `TASK_FAILED`, `TASK_CANCELLED`, `WORKER_DIED`, … */
  readonly code: string;
  readonly message: string;
  /** The id of the task that failed first; the task's own id when it failed by itself. */
  readonly blame: string;
  readonly workerId: string;
  readonly attempts: number;
  readonly failure: AttemptFailure | null;
}
