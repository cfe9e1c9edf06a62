/**
 * What goes into the worker kernel and what comes out: the whole of its contract with the shell.
 *
 * The shell owns threads, sockets, bytes and clocks. The kernel owns every decision: what starts,
 * what is fetched, what is kept, what is answered. Bytes stay outside: the kernel knows sizes, and
 * says under which task a result or a fetched value is to be stored.
 *
 * @module
 */

import type { Micros } from "../base/time.ts";
import type { AttemptFailure, AttemptUsage } from "../model/failure.ts";
import type { AttemptId, TaskRef, WorkerIndex } from "../model/ids.ts";
import type { Progress } from "../model/progress.ts";
import type { TaskSpec } from "../model/spec.ts";
import type { GangMember, ToWorkerMessage, WorkerMessage } from "../protocol/messages.ts";

/** A running or queued-to-run thing in the executor; never reused within an incarnation. */
export type ExecutionId = number;

/** A fetch of values from one peer; never reused within an incarnation. */
export type TransferId = number;

/** A file that has, or is to have, the bytes of one value; never reused within an incarnation. */
export type FileId = number;

/** Bytes that a client brought; never reused within an incarnation. */
export type UploadId = number;

/** A command that outlived the agent which had started it. */
export interface Survivor {
  readonly attempt: AttemptId;
  readonly task: TaskRef;
  readonly spec: number;
  readonly definition: TaskSpec;
  readonly shape: number;
  readonly context: string;
  /** When it started, microseconds on this worker's clock. */
  readonly startedAt: Micros;
  /** Its address as a member of a gang; null for others. */
  readonly member: GangMember | null;
}

export type WorkerEvent =
  /**
   * Commands of an earlier agent still run, or ended while nobody listened: before the first
   * connection. `execution` numbers them from `firstExecution`, in order, on command lanes from 0.
   */
  | {
      readonly type: "recovered";
      readonly at: Micros;
      readonly firstExecution: ExecutionId;
      readonly survivors: readonly Survivor[];
    }
  /** Its own checks: "" is well, else the worker takes nothing new. */
  | { readonly type: "health-checked"; readonly at: Micros; readonly trouble: string }
  /** The work directory of a command is being made. */
  | { readonly type: "execution-building"; readonly at: Micros; readonly execution: ExecutionId }
  /** The answer to `prepare-execution`. */
  | {
      readonly type: "execution-prepared";
      readonly at: Micros;
      readonly execution: ExecutionId;
      readonly member: GangMember;
    }
  /** What a command used; goes before the event of its end. */
  | {
      readonly type: "execution-measured";
      readonly at: Micros;
      readonly execution: ExecutionId;
      readonly usage: AttemptUsage;
    }
  /** A stream to a controller is up; `index` is this worker's own place. */
  | {
      readonly type: "connected";
      readonly at: Micros;
      readonly epoch: number;
      readonly index: WorkerIndex;
    }
  | { readonly type: "disconnected"; readonly at: Micros }
  /** A validated message of the controller. */
  | { readonly type: "ordered"; readonly at: Micros; readonly message: ToWorkerMessage }
  /** The thread took it up; also implied by its end. */
  | { readonly type: "execution-started"; readonly at: Micros; readonly execution: ExecutionId }
  /** The function waits for tasks of its own; its thread holds still until `yield-execution`. */
  | { readonly type: "execution-waits"; readonly at: Micros; readonly execution: ExecutionId }
  /** What it waited for has come: it goes on. */
  | { readonly type: "execution-rejoined"; readonly at: Micros; readonly execution: ExecutionId }
  /** Its function says how far it is. */
  | {
      readonly type: "execution-progressed";
      readonly at: Micros;
      readonly execution: ExecutionId;
      readonly progress: Progress;
    }
  | {
      readonly type: "execution-finished";
      readonly at: Micros;
      readonly execution: ExecutionId;
      readonly sizeBytes: number;
      readonly durationUs: number;
      /** The value, if it is at most `inlineValueBytesMax`. */
      readonly inline: Uint8Array | null;
    }
  /** The function threw, ran out of memory, or its thread ended under it. */
  | {
      readonly type: "execution-failed";
      readonly at: Micros;
      readonly execution: ExecutionId;
      readonly cause:
        | "failed"
        | "oom"
        | "exited"
        | "module-unloadable"
        | "build-failed"
        | "killed"
        | "setup-failed"
        | "rescheduled"
        | "actor-lost";
      readonly failure: AttemptFailure;
    }
  /** An input could not be decoded: `task` is the input at fault. */
  | {
      readonly type: "execution-input-failed";
      readonly at: Micros;
      readonly execution: ExecutionId;
      readonly task: TaskRef;
    }
  /** The answer to `abort-execution`: its thread is gone, or it had not begun. */
  | { readonly type: "execution-aborted"; readonly at: Micros; readonly execution: ExecutionId }
  /** The answer to `revoke-execution`, at once: true if the thread had not begun it. */
  | {
      readonly type: "execution-revoked";
      readonly at: Micros;
      readonly execution: ExecutionId;
      readonly revoked: boolean;
    }
  /** Everything asked of one peer: what came, what the peer did not have, what came corrupt. */
  | {
      readonly type: "fetch-finished";
      readonly at: Micros;
      readonly transfer: TransferId;
      readonly got: readonly { readonly task: TaskRef; readonly sizeBytes: number }[];
      readonly absent: readonly TaskRef[];
      readonly corrupt: readonly TaskRef[];
    }
  | { readonly type: "fetch-busy"; readonly at: Micros; readonly transfer: TransferId }
  | { readonly type: "fetch-failed"; readonly at: Micros; readonly transfer: TransferId }
  /** A client brought the value of a task: its bytes lie under `upload` until they are named. */
  | {
      readonly type: "value-brought";
      readonly at: Micros;
      readonly upload: UploadId;
      readonly task: TaskRef;
      readonly sizeBytes: number;
    }
  /** A stored value turned out to be unreadable. */
  | { readonly type: "value-lost"; readonly at: Micros; readonly task: TaskRef }
  /** What the process takes of the machine's memory. */
  | { readonly type: "memory-measured"; readonly at: Micros; readonly rssBytes: number }
  /** Peers or clients have read these values. */
  | { readonly type: "values-sent"; readonly at: Micros; readonly tasks: readonly TaskRef[] }
  /** The answer to `spill-value`: the file is whole, and the bytes are in memory still. */
  | { readonly type: "value-written"; readonly at: Micros; readonly file: FileId }
  /** The other answer: the disk did not take it. */
  | { readonly type: "write-failed"; readonly at: Micros; readonly file: FileId }
  /** The answer to `load-value`: the bytes are in memory, and the file is gone. */
  | { readonly type: "value-read"; readonly at: Micros; readonly file: FileId }
  /** The other answer, which comes unasked too: the file cannot be read. */
  | { readonly type: "file-lost"; readonly at: Micros; readonly file: FileId }
  /** The worker is asked to end: hand back what has not started, stop the rest. */
  /** `emptyMs`: for so long it may wait until what only it holds is copied. Default 0. */
  | { readonly type: "leave-requested"; readonly at: Micros; readonly emptyMs?: number }
  /** The moment that `nextWorkerDeadline` named, or any other. */
  | { readonly type: "tick"; readonly at: Micros };

/** One input of an execution. */
export interface ExecutionInput {
  readonly task: TaskRef;
  /** The bytes that came with the order, or null: read them from the store under `task`. */
  readonly inline: Uint8Array | null;
}

/** All that the executor must know of an execution. */
export interface StartedExecution {
  readonly execution: ExecutionId;
  readonly lane: number;
  readonly attempt: AttemptId;
  readonly task: TaskRef;
  readonly spec: number;
  readonly shape: number;
  /** The `AttemptContext` as JSON, or "". */
  readonly context: string;
  readonly args: Uint8Array;
  readonly inputs: readonly ExecutionInput[];
}

/** Orders of the kernel to its shell, to be carried out in this sequence. */
export type WorkerSend =
  | { readonly type: "send-message"; readonly message: WorkerMessage }
  /**
   * Run it: a function on thread `lane`, after what that lane already has; a command in its own
   * process, where `lane` is one of the command lanes, counted from 0 too.
   */
  | (StartedExecution & { readonly type: "start-execution" })
  /**
   * A member of a gang: make its work directory and choose its ports, but do not start it;
   * answered by `execution-prepared` or by any end.
   */
  | (StartedExecution & { readonly type: "prepare-execution" })
  /** Start what was prepared; `members[i]` is task `i` of the gang. */
  | {
      readonly type: "release-execution";
      readonly execution: ExecutionId;
      readonly members: readonly GangMember[];
    }
  /** Take it back if the thread has not begun it; answered at once by `execution-revoked`. */
  | { readonly type: "revoke-execution"; readonly execution: ExecutionId }
  /** It waits beside its lane: the thread takes up what comes next. */
  | { readonly type: "yield-execution"; readonly execution: ExecutionId }
  /** Signal it, and after `graceMs` end its thread; answered by any end of the execution. */
  | {
      readonly type: "abort-execution";
      readonly execution: ExecutionId;
      readonly reason: "stopped" | "timeout";
      readonly graceMs: number;
    }
  /**
   * What runs functions is made anew, and what is started from now on runs in what is new. What
   * runs goes on in what is old, which ends with it; actors have threads of their own.
   */
  | { readonly type: "renew-executors" }
  /** The result of a finished execution becomes the value of `task`. */
  | { readonly type: "store-result"; readonly execution: ExecutionId; readonly task: TaskRef }
  | { readonly type: "discard-result"; readonly execution: ExecutionId }
  | {
      readonly type: "start-fetch";
      readonly transfer: TransferId;
      readonly peer: WorkerIndex;
      readonly tasks: readonly TaskRef[];
    }
  | { readonly type: "abort-fetch"; readonly transfer: TransferId }
  /** A fetched value is kept; what of a transfer is not stored is discarded with it. */
  | { readonly type: "store-fetched"; readonly transfer: TransferId; readonly task: TaskRef }
  | { readonly type: "discard-fetched"; readonly transfer: TransferId; readonly task: TaskRef }
  /** What a client brought becomes the value of `task`, or is not kept. */
  | { readonly type: "store-upload"; readonly upload: UploadId; readonly task: TaskRef }
  | { readonly type: "discard-upload"; readonly upload: UploadId }
  /** Wherever its bytes are. */
  | { readonly type: "drop-value"; readonly task: TaskRef }
  /** Write its bytes to the disk; answered by `value-written` or `write-failed`. */
  | { readonly type: "spill-value"; readonly file: FileId; readonly task: TaskRef }
  /** Its bytes stay in memory: the file goes, whole or not. Nothing answers this. */
  | { readonly type: "abandon-spill"; readonly file: FileId }
  /** It is in its file: its bytes leave memory. */
  | { readonly type: "unload-value"; readonly file: FileId; readonly task: TaskRef }
  /** Read it back; goes before what reads it. Answered by `value-read` or `file-lost`. */
  | { readonly type: "load-value"; readonly file: FileId; readonly task: TaskRef }
  /** Nothing runs and nothing is owed any more: the process may end. */
  | { readonly type: "leave" };
