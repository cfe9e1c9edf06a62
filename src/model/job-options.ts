/**
 * The options of a launch as people write them (`resources: { memory: "128g" }`), to the request of
 * `LaunchJob`.
 *
 * Only what is written differently is translated here; all else goes through as it is, and
 * everything is checked as the controller will check it. Bundles and workspaces are the caller's to
 * bring over: their hashes go into the request afterwards.
 *
 * @module
 */

import { pathCharactersMax } from "./limits.ts";
import type { CommandFields, ResultOption } from "./parse-command.ts";
import { parseCommand } from "./parse-command.ts";
import type { ConstraintOptions } from "./parse-constraints.ts";
import type { Fields } from "./parse-fields.ts";
import { invalidArgument, invalidSpec, parseFields } from "./parse-fields.ts";
import type {
  CommandRequest,
  DurationOption,
  FunctionRequest,
  LaunchJobRequest,
} from "./parse-job.ts";
import { parseLaunchJob } from "./parse-job.ts";
import { parseTextWithoutNul } from "./parse-job-fields.ts";
import type { ResourceOptions } from "./parse-resources.ts";
import { parseResources } from "./parse-resources.ts";
import type { FunctionExecutor } from "./spec.ts";
import type { RetryBackoffOptions } from "./task-options.ts";

/** What jobs of commands and jobs of functions have in common. Durations: `"90s"`, or ms. */
export interface CommonJobOptions {
  /** `train` is the job `/<user>/train`; `/ada/train/eval` is a child of `/ada/train`. */
  readonly name: string;
  /** How many tasks, each of which knows its index. Default 1, at most 10,000. */
  readonly replicas?: number | undefined;
  /** What each task needs. Default one CPU. */
  readonly resources?: ResourceOptions | undefined;
  /**
   * A gang: all tasks at once or none, one per worker, on workers that share the value of this
   * attribute. Default: tasks are placed one by one.
   */
  readonly coscheduling?: { readonly groupBy: string } | undefined;
  /**
   * Names of ports that are chosen for each attempt. A command finds them in
   * `CAPSTAN_PORT_<NAME>`, a function, which has them in a gang only, in `getContext().gang`.
   */
  readonly ports?: readonly string[] | undefined;
  /** Conditions on workers, all of which hold. Default none. */
  readonly constraints?: readonly ConstraintOptions[] | undefined;
  /** `"production"` goes before `"interactive"` (the default) before `"batch"`. */
  readonly band?: string | undefined;
  /** Higher goes first within a band; default 0. */
  readonly priority?: number | undefined;
  /** Limit of the wait for the first start; past it: UNSCHEDULABLE. Default 0: none. */
  readonly schedulingTimeout?: DurationOption | undefined;
  /** Limit of one attempt; past it the task is FAILED and not tried again. Default 0: none. */
  readonly timeout?: DurationOption | undefined;
  /** How often a task may fail and be tried again; default 0. */
  readonly maxRetriesFailure?: number | undefined;
  /** How often a task may be taken away (worker lost, preempted) and run again; default 100. */
  readonly maxRetriesPreemption?: number | undefined;
  /** How many tasks may end FAILED before the job does; default 0. */
  readonly maxTaskFailures?: number | undefined;
  /** The wait before a retry doubles from `initial` (default 0) to `max` (default 60 s). */
  readonly retryBackoff?: RetryBackoffOptions | undefined;
  /** If given, only these exit codes are worth another try. */
  readonly retryExitCodes?: readonly number[] | undefined;
  /** Exit codes that are never worth another try. */
  readonly noRetryExitCodes?: readonly number[] | undefined;
  /** How long a task has to stop. Default 10 s, for a `task` 1 s; at most one day. */
  readonly grace?: DurationOption | undefined;
  /**
   * If a job of this name is open: refuse (`"error"`, the default), answer with it (`"keep"`), or
   * end it and begin when it has really stopped (`"recreate"`). One that has ended is replaced.
   */
  readonly onExisting?: string | undefined;
  /** What becomes of child jobs when this one fails: `"auto"`, `"terminate"`, `"preserve"`. */
  readonly children?: string | undefined;
  /** Whose job it is; only an administrator may name another user. */
  readonly user?: string | undefined;
}

/** A job whose tasks run a program. */
export interface CommandJobOptions extends CommonJobOptions {
  /** The program and its arguments; no shell reads them. */
  readonly command: readonly string[];
  /** Variables of its environment; the submitter's are not copied. Default none. */
  readonly env?: { readonly [name: string]: string } | undefined;
  /** Where it starts, relative to its work directory. */
  readonly cwd?: string | undefined;
  /** Written to its standard input. Default: nothing. */
  readonly stdin?: string | undefined;
  /** What its value is. Default `"none"`. */
  readonly result?: ResultOption | undefined;
  /** A directory of this machine whose contents are the work directory. Default: an empty one. */
  readonly workspace?: string | undefined;
}

/** The members of a launch that go through as they are. */
const sharedNames = [
  "name",
  "replicas",
  "coscheduling",
  "ports",
  "constraints",
  "band",
  "priority",
  "schedulingTimeout",
  "timeout",
  "maxRetriesFailure",
  "maxRetriesPreemption",
  "maxTaskFailures",
  "retryBackoff",
  "retryExitCodes",
  "noRetryExitCodes",
  "grace",
  "onExisting",
  "children",
  "user",
] as const;

const commandOnlyNames = ["env", "cwd", "stdin", "result", "workspace"] as const;

const optionNames = [
  ...sharedNames,
  ...commandOnlyNames,
  "command",
  "task",
  "args",
  "executor",
  "resources",
] as const;

type RawOptions = Fields<(typeof optionNames)[number]>;

/** Stands for the function that the caller will put in, so that the rest can be checked. */
const anyFunction: FunctionRequest = { bundle: "0".repeat(64), functionName: "task", args: "AAAA" };

/**
 * The request of `LaunchJob` for these options. Two members are left for the caller: `workspace` is
 * not there even if the option is, and for a `task` there is no `function`.
 *
 * @throws CapstanError INVALID_ARGUMENT (an unknown option, with the nearest known one; a wrong
 * type) or INVALID_SPEC (what contradicts itself), naming the option
 */
export function parseJobOptions(value: unknown): LaunchJobRequest {
  const raw = parseFields("", value, optionNames);
  checkKind(raw);
  checkWorkspace(raw.workspace);
  const request = {
    ...sharedFields(raw),
    resources: parseResources("resources", raw.resources),
    ...(raw.task === undefined ? commandFields(raw) : {}),
  } as LaunchJobRequest;
  const { executor } = raw as { readonly executor?: FunctionExecutor };
  const run = raw.task === undefined ? {} : { function: { ...anyFunction, executor } };
  parseLaunchJob({ ...request, ...run }, "user");
  return request;
}

function checkKind(raw: RawOptions): void {
  const { command, task, args, executor } = raw;
  if (command === undefined && task === undefined) {
    throw invalidSpec("command", "is missing: give a `command`, or a `task` with its `args`");
  }
  if (command !== undefined && task !== undefined) {
    throw invalidSpec("task", "a job runs a `command` or a `task`; leave one of them out");
  }
  if (task === undefined) {
    if (executor !== undefined) {
      throw invalidSpec("executor", "a command runs in a process of its own; leave it out");
    }
    if (args === undefined) return;
    throw invalidSpec("args", "are those of a `task`; those of a `command` follow its program");
  }
  if (args !== undefined && !Array.isArray(args)) {
    throw invalidArgument("args", args, "the array of the task's arguments");
  }
  for (const name of commandOnlyNames) {
    if (raw[name] !== undefined) throw invalidSpec(name, "only a `command` has it, not a `task`");
  }
}

function checkWorkspace(value: unknown): void {
  if (value === undefined) return;
  if (parseTextWithoutNul("workspace", value, pathCharactersMax) !== "") return;
  throw invalidArgument("workspace", value, 'the path of a directory, such as "."');
}

function sharedFields(raw: RawOptions): object {
  const given = sharedNames.filter((name) => raw[name] !== undefined);
  return Object.fromEntries(given.map((name) => [name, raw[name]]));
}

/** What is written at the top here and inside `command` in the request. */
function commandFields(raw: RawOptions): { readonly command: CommandRequest } {
  const { command, env, cwd, stdin, result } = raw;
  const fields: CommandFields = { argv: command, env, cwd, stdin, result };
  const run = parseCommand(fields, (name) => (name === "argv" ? "command" : name));
  return {
    command: {
      argv: run.argv,
      env: run.env,
      cwd: run.cwd,
      stdin: run.stdin,
      result: run.result.type === "file" ? { file: run.result.path } : run.result.type,
    },
  };
}
