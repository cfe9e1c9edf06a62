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
  readonly executor: FunctionExecutor;
  /** What must be set up in an executor before it runs there; absent for nothing. */
  readonly plugins?: PluginSet;
  /** Which part of an actor it is; absent for a plain function. */
  readonly part?: ActorPart;
  /** Of a member of a gang: names of ports that are chosen for each attempt; absent for none. */
  readonly ports?: readonly string[];
}

/**
 * - `actor`: makes an object and keeps it; its attempt ends when somebody ends it;
 * - `call`: calls a method of the object that its first dependency, the actor, keeps. It runs
 *   where that is, in the order of submission, at most once.
 */
export const actorParts = ["actor", "call"] as const;
export type ActorPart = (typeof actorParts)[number];

/** Which part of an actor it is, or null. */
export function partOf(run: TaskRun): ActorPart | null {
  return run.kind === "function" ? (run.part ?? null) : null;
}

/**
 * - `thread`: a thread of the worker, which all its functions share: the quickest. It cannot be
 *   stopped for certain, and what crashes it may take the worker along;
 * - `process`: a process that serves one attempt at a time and can be killed.
 */
export const functionExecutors = ["thread", "process"] as const;
export type FunctionExecutor = (typeof functionExecutors)[number];

/** The plugins of a client, in the order in which they are set up. */
export interface PluginSet {
  /** SHA-256, hex, of what is in the set. */
  readonly key: string;
  readonly plugins: readonly PluginRun[];
}

/** Functions of a bundle that an executor calls before its first task, and when it ends. */
export interface PluginRun {
  readonly name: string;
  /** SHA-256 of the bundle, hex. */
  readonly bundle: string;
  /** The name of the task that sets up. */
  readonly setup: string;
  /** The name of the task that tears down; "" for none. */
  readonly teardown: string;
}

/**
 * The attribute that a worker has once a plugin of this set could not be set up there: why. A task
 * that needs the set asks that it is absent.
 */
export function setupFailedAttribute(key: string): string {
  return `${setupFailedPrefix}${key}`;
}

export const setupFailedPrefix = "setup-failed:";

/** Any program: its argv without a shell, in a process group of its own. */
export interface CommandRun {
  readonly kind: "command";
  readonly argv: readonly string[];
  /** Added to the few variables that every attempt has; nothing else is inherited. */
  readonly env: { readonly [name: string]: string };
  /** Where it starts: relative to the work directory, or absolute; "" is the work directory. */
  readonly cwd: string;
  /** SHA-256, hex, of the archive unpacked into the work directory; "" for none. */
  readonly workspace: string;
  /** Names of ports that are chosen for each attempt: `CAPSTAN_PORT_<NAME>`. */
  readonly ports: readonly string[];
  /** Written to its standard input; "" is an empty one. */
  readonly stdin: string;
  readonly result: CommandResult;
}

/**
 * What a command's value is: nothing, its standard output as JSON or as text, or a file of its
 * work directory, as bytes.
 */
export type CommandResult =
  | { readonly type: "none" }
  | { readonly type: "json" }
  | { readonly type: "text" }
  | { readonly type: "file"; readonly path: string };

/** Nothing runs: a client brings the value to workers. It has no recipe. */
export interface ValueRun {
  readonly kind: "value";
  /** To how many workers the client brings it; 0 for all that may have it. */
  readonly copies: number;
}

export type TaskRun = FunctionRun | CommandRun | ValueRun;

/** Names of the ports that are chosen for each attempt. */
export function portsOf(run: TaskRun): readonly string[] {
  return run.kind === "value" ? [] : (run.ports ?? []);
}

/**
 * Whether such a task can run again for its value, when it is lost or somebody asks for a retry. No
 * call of an actor runs twice, and an object that is gone comes back by `restarts` alone.
 */
export function hasRecipe(run: TaskRun): boolean {
  return run.kind !== "value" && partOf(run) === null;
}

/** True of what runs in a process: it has a log of its own, and cannot take its worker along. */
export function runsInProcess(run: TaskRun): boolean {
  return run.kind === "command" || (run.kind === "function" && run.executor === "process");
}

/** Delay before a retry: doubles from `initialMs` up to `maxMs`. */
export interface RetryBackoff {
  readonly initialMs: number;
  readonly maxMs: number;
}

/** Everything about a task but its arguments, its dependencies and its state. */
export interface TaskSpec {
  readonly run: TaskRun;
  /** For people: shown in lists and errors. */
  readonly name: string;
  readonly resources: Resources;
  readonly constraints: readonly Constraint[];
  readonly band: Band;
  /** Higher goes first within a band. A safe integer; default 0. */
  readonly priority: number;
  /** How often the function may fail and be tried again. Default 0. */
  readonly maxRetriesFailure: number;
  /**
   * How often it may be taken away after it had started: its worker died, it was preempted, or
   * killed from outside. Default 3 for tasks of graphs, 100 for jobs.
   */
  readonly maxRetriesPreemption: number;
  /** Exit codes that are never worth another try; they win over `retryExitCodes`. Default none. */
  readonly noRetryExitCodes: readonly number[];
  /** If not empty, only these exit codes are worth another try. Default empty. */
  readonly retryExitCodes: readonly number[];
  readonly retryBackoff: RetryBackoff;
  /** Run time limit of one attempt; 0 is none. Past it the task is FAILED and not retried. */
  readonly timeoutMs: number;
  /** Bounds the wait for the first start; 0 waits for ever. Past it: UNSCHEDULABLE. */
  readonly schedulingTimeoutMs: number;
  /** How long a stop may take before the executor is ended by force. */
  readonly graceMs: number;
  /**
   * The worker attribute whose value all tasks of the job must share, placed all or none, one per
   * worker; "" for tasks that are placed one by one.
   */
  readonly groupBy: string;
  /**
   * It is started at most once: where an attempt may have begun there is no other one, whatever
   * became of it. Absent is false.
   */
  readonly exclusive?: boolean;
}

export const specDefaults = {
  band: "interactive",
  priority: 0,
  maxRetriesFailure: 0,
  maxRetriesPreemption: 3,
  noRetryExitCodes: [],
  retryExitCodes: [],
  retryBackoff: { initialMs: 0, maxMs: 60_000 },
  timeoutMs: 0,
  schedulingTimeoutMs: 0,
  graceMs: 1_000,
  groupBy: "",
} as const;

/** What differs for a launched job, whose tasks are programs that run for long. */
export const jobDefaults = {
  ...specDefaults,
  maxRetriesPreemption: 100,
  graceMs: 10_000,
  replicas: 1,
  maxTaskFailures: 0,
} as const;
