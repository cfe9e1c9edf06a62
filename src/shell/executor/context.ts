/**
 * What a running task can ask about itself. The executor enters a context around each execution;
 * what the function starts asynchronously stays in it.
 *
 * This module is loaded by clients too: it must not start threads or touch the network.
 *
 * @module
 */

import { AsyncLocalStorage } from "node:async_hooks";

/** Writes to the worker's log, with the task's id. `fields` must be structured-cloneable. */
export interface TaskLogger {
  debug(message: string, fields?: { readonly [name: string]: unknown }): void;
  info(message: string, fields?: { readonly [name: string]: unknown }): void;
  warn(message: string, fields?: { readonly [name: string]: unknown }): void;
  error(message: string, fields?: { readonly [name: string]: unknown }): void;
}

/** Where a member of a gang can be reached. */
export interface GangPeer {
  /** The host under which its worker is reached. */
  readonly host: string;
  /** Its ports, by the names that the job gave them; nobody else of Capstan has one of them. */
  readonly ports: { readonly [name: string]: number };
}

/** The gang of which a task is a member: all of them were started together. */
export interface TaskGang {
  /** Which one this is, from 0: the index of the task in its job. */
  readonly rank: number;
  /** How many they are. */
  readonly size: number;
  /** All of them by rank, this one too: `peers[rank].ports` are the ports to listen on. */
  readonly peers: readonly GangPeer[];
}

/** The running task, as its executor knows it. */
export interface TaskContext {
  /** The task's number within its cluster; `capstan why` and `capstan task show` take it. */
  readonly taskId: string;
  /** This try of it, for example `"3.17"`. */
  readonly attempt: string;
  /** The `workerId` of the worker that runs it. */
  readonly worker: string;
  /** Aborted when the task is cancelled or has timed out; after a grace its thread is ended. */
  readonly signal: AbortSignal;
  readonly logger: TaskLogger;
  /** Its gang; undefined for a task that runs on its own. */
  readonly gang: TaskGang | undefined;
  /**
   * Says how far the task is, for people: `fraction` is from 0 to 1, `note` at most 256 characters,
   * default "". What is outside of these is taken as 0 or 1, and cut: it ends no task. Cheap: the
   * latest word is passed on a few times a second, and seen within some seconds. What a task said
   * last is kept while it runs, and by nobody for longer.
   *
   * @throws CapstanError INVALID_ARGUMENT for what is no number, or no string
   */
  progress(fraction: number, note?: string): void;
}

/** With what a running task speaks to its controller. */
export interface TaskCredentials {
  readonly url: string;
  /** "" where none is needed. */
  readonly token: string;
}

/** What the SDK asks of a running task besides; not for tasks. */
export interface RunningTask extends TaskContext {
  /** Whose task it is. */
  readonly user: string;
  readonly priority: number;
  /** Where it runs: what is kept there under this object lives as long as its thread. */
  readonly home: object;
  /** Asked for anew each time: they hold for some minutes. Rejects with UNREACHABLE. */
  credentials(): Promise<TaskCredentials>;
  /** It waits for tasks of its own until the returned function is called. */
  beginWait(): () => void;
  /** `act` is called when the execution has ended, however it did. */
  whenEnded(act: () => void): void;
}

const contexts = new AsyncLocalStorage<RunningTask>();

/** The task that this code runs in, or null. */
export function runningTask(): RunningTask | null {
  return contexts.getStore() ?? null;
}

/** For the executor: runs `run` inside `context`. */
export function runInContext<T>(context: RunningTask, run: () => T): T {
  return contexts.run(context, run);
}
