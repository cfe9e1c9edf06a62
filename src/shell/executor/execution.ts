/**
 * What the executor is asked to run, and what it tells of it.
 *
 * @module
 */

import type { AttemptFailure } from "../../model/failure.ts";
import type { AttemptId, TaskRef } from "../../model/ids.ts";
import type { Progress } from "../../model/progress.ts";
import type { ExecutionId } from "../../worker/events.ts";
import type { TaskGang } from "./context.ts";
import type { LogLevel, PluginPlace } from "./thread-messages.ts";

/** A function to run on a lane, after what the lane already has. */
export interface ExecutionOrder {
  readonly execution: ExecutionId;
  readonly lane: number;
  readonly attempt: AttemptId;
  readonly task: TaskRef;
  /** The bundle's file; it must exist. */
  readonly bundlePath: string;
  readonly functionName: string;
  /** What is set up in an executor before its first task that needs it; their files must exist. */
  readonly plugins: PluginPlaces;
  /** Whose task it is. */
  readonly user: string;
  readonly priority: number;
  /** Encoded arguments. */
  readonly args: Uint8Array;
  /** Encoded inputs; one above `inlineValueBytesMax` begins a SharedArrayBuffer. */
  readonly inputs: readonly Uint8Array[];
  /** The task of each input: who is to blame if it cannot be decoded. */
  readonly inputTasks: readonly TaskRef[];
  /** Of which it is a member; absent for what runs on its own. */
  readonly gang?: TaskGang | undefined;
}

/** Plugins of one set; `key` is "" for none. */
export interface PluginPlaces {
  readonly key: string;
  readonly places: readonly PluginPlace[];
}

export const noPlugins: PluginPlaces = { key: "", places: [] };

/** `killed`: by a signal that nobody here sent; `actor-lost`: of a call, its actor has ended. */
export type FailureCause =
  | "failed"
  | "oom"
  | "exited"
  | "killed"
  | "module-unloadable"
  | "setup-failed"
  | "rescheduled"
  | "actor-lost";

/**
 * Where the executor's news goes. Calls come in lane order and only note what happened: none of
 * them may call the executor back. After a batch of them comes one `batchEnded`, which may.
 */
export interface ExecutionSink {
  /** It has been running for a while; short executions only end. */
  started(execution: ExecutionId): void;
  /** Its function waits for tasks of its own. The thread holds still until it may go on. */
  waits(execution: ExecutionId): void;
  /** What it waited for has come. */
  rejoined(execution: ExecutionId): void;
  /** Its function says how far it is. */
  progressed(execution: ExecutionId, progress: Progress): void;
  /** `value` is owned by the receiver; above `inlineValueBytesMax` it begins shared memory. */
  finished(execution: ExecutionId, value: Uint8Array, durationUs: number): void;
  failed(execution: ExecutionId, cause: FailureCause, failure: AttemptFailure): void;
  /** The input of `task` could not be decoded; nothing was run. */
  inputFailed(execution: ExecutionId, task: TaskRef, reason: string): void;
  /** It was told to end and has: its thread or process is gone, it threw, or it had not begun. */
  aborted(execution: ExecutionId): void;
  /** Something for the worker's log: what tasks write or say, and what happens to threads. */
  logged(level: LogLevel, message: string, fields: { readonly [name: string]: unknown }): void;
  /** A thread did not end although it was terminated: only ending the process frees its lane. */
  stuck(lane: number): void;
  batchEnded(): void;
}
