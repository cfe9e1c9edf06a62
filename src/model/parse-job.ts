/**
 * A launch as the API carries it (`LaunchJob`), to the job that the controller keeps.
 *
 * The form of the request was checked before; here it gets its meaning, and what contradicts itself
 * is refused with the name of the field. Nothing is trusted all the same.
 *
 * Must not know which jobs and bundles exist, nor what the caller may do.
 *
 * @module
 */

import type { ChildPolicy, ExistingPolicy, JobSpec } from "./job.ts";
import { childPolicies, existingPolicies } from "./job.ts";
import { nameOf, parseJobPath, userOf } from "./job-path.ts";
import {
  graceMsMax,
  nameCharactersMax,
  replicasMax,
  retryCountMax,
  taskNameCharactersMax,
} from "./limits.ts";
import type { CommandFieldPath, ResultOption } from "./parse-command.ts";
import { parseCommand, parsePorts } from "./parse-command.ts";
import type { ConstraintOptions } from "./parse-constraints.ts";
import { parseConstraints } from "./parse-constraints.ts";
import type { Fields } from "./parse-fields.ts";
import { fieldPath, invalidSpec, parseFields } from "./parse-fields.ts";
import { parseJobArguments } from "./parse-job-arguments.ts";
import {
  impossibleValue,
  parseExitCodes,
  parseName,
  parseSha256,
  parseTextWithoutNul,
  parseWholeNumber,
} from "./parse-job-fields.ts";
import type { ResourcesRequest } from "./parse-job-resources.ts";
import { parseResourcesRequest } from "./parse-job-resources.ts";
import { parseDurationMs } from "./parse-quantities.ts";
import type { FunctionExecutor, FunctionRun, TaskRun, TaskSpec } from "./spec.ts";
import { functionExecutors, jobDefaults, specDefaults } from "./spec.ts";
import type { Band } from "./states.ts";
import { bands } from "./states.ts";
import type { RetryBackoffOptions } from "./task-options.ts";
import { parseRetryBackoff } from "./task-options.ts";

/** A duration as written: `"90s"`, `"5m"`, or milliseconds. */
export type DurationOption = string | number;

/**
 * The request of `LaunchJob`. Exactly one of `command` and `function` is there; all else but the
 * name is optional and has the default of `jobDefaults`.
 */
export interface LaunchJobRequest {
  /** `/user/name[/child…]`; without the leading slash it is put under the caller's user. */
  readonly name: string;
  readonly command?: CommandRequest | undefined;
  readonly function?: FunctionRequest | undefined;
  /** How many tasks; default 1. */
  readonly replicas?: number | undefined;
  readonly resources?: ResourcesRequest | undefined;
  /** `groupBy` is a worker attribute that all tasks must share; "" (the default) is no gang. */
  readonly coscheduling?: { readonly groupBy?: string | undefined } | undefined;
  readonly constraints?: readonly ConstraintOptions[] | undefined;
  /** Case does not matter. */
  readonly band?: string | undefined;
  /** Higher goes first within a band; default 0. */
  readonly priority?: number | undefined;
  readonly schedulingTimeout?: DurationOption | undefined;
  readonly timeout?: DurationOption | undefined;
  readonly maxRetriesFailure?: number | undefined;
  readonly maxRetriesPreemption?: number | undefined;
  readonly maxTaskFailures?: number | undefined;
  readonly retryBackoff?: RetryBackoffOptions | undefined;
  readonly retryExitCodes?: readonly number[] | undefined;
  readonly noRetryExitCodes?: readonly number[] | undefined;
  readonly grace?: DurationOption | undefined;
  readonly ports?: readonly string[] | undefined;
  /** SHA-256 of an uploaded archive, hex; "" (the default) for an empty work directory. */
  readonly workspace?: string | undefined;
  /** Case does not matter. */
  readonly onExisting?: string | undefined;
  /** Case does not matter. */
  readonly children?: string | undefined;
  /** Whose job it is. Default, also for "": the caller's. */
  readonly user?: string | undefined;
}

/** A program. See `CommandRun`. */
export interface CommandRequest {
  readonly argv: readonly string[];
  readonly env?: { readonly [name: string]: string } | undefined;
  readonly cwd?: string | undefined;
  readonly stdin?: string | undefined;
  readonly result?: ResultOption | undefined;
}

/** A function of an uploaded bundle. */
export interface FunctionRequest {
  /** SHA-256 of the bundle, hex. */
  readonly bundle: string;
  readonly functionName: string;
  /** The encoded list of arguments, base64. */
  readonly args: string;
  /** Default `"THREAD"`; in any case. */
  readonly executor?: string | undefined;
}

/** Every field of a launch. */
export const launchFieldNames = [
  "name",
  "command",
  "function",
  "replicas",
  "resources",
  "coscheduling",
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
  "ports",
  "workspace",
  "onExisting",
  "children",
  "user",
] as const;

type RawLaunch = Fields<(typeof launchFieldNames)[number]>;

/**
 * The job that `request` asks for. `user` is the caller's: whose job it is, if the request does not
 * name another. Whether the caller may launch under that name is for others to judge: it is the
 * user of the path.
 *
 * @throws CapstanError INVALID_ARGUMENT (a wrong type, an unknown name, a malformed amount) or
 * INVALID_SPEC (what contradicts itself or cannot be), naming the field
 */
export function parseLaunchJob(request: unknown, user: string): JobSpec {
  const raw = parseFields("", request, launchFieldNames);
  const jobId = parseJobPath("name", raw.name, parseOwner(raw.user, user));
  checkOwner(raw.user, jobId);
  const { replicas = jobDefaults.replicas } = raw;
  const { maxTaskFailures = jobDefaults.maxTaskFailures } = raw;
  const { run, args } = parseRun(raw);
  const { onExisting = "ERROR", children = "AUTO" } = raw;
  return {
    jobId,
    task: { run, name: nameOf(jobId), ...parsePolicy(raw, run), ...parsePlace(raw) },
    args,
    replicas: parseWholeNumber("replicas", replicas, 1, replicasMax),
    maxTaskFailures: parseWholeNumber("maxTaskFailures", maxTaskFailures, 0, replicasMax),
    onExisting: parseName<ExistingPolicy>("onExisting", onExisting, existingPolicies),
    children: parseName<ChildPolicy>("children", children, childPolicies),
  };
}

function parseOwner(written: unknown, user: string): string {
  if (written === undefined || written === "") return user;
  return parseTextWithoutNul("user", written, nameCharactersMax);
}

function checkOwner(written: unknown, jobId: string): void {
  if (written === undefined || written === "" || written === userOf(jobId)) return;
  throw impossibleValue("user", written, `the user of ${jobId}; leave one of the two out`);
}

const canonicalPaths: { readonly [name in Parameters<CommandFieldPath>[0]]: string } = {
  argv: "command.argv",
  env: "command.env",
  cwd: "command.cwd",
  stdin: "command.stdin",
  result: "command.result",
  ports: "ports",
  workspace: "workspace",
};

const commandNames = ["argv", "env", "cwd", "stdin", "result"] as const;
const functionNames = ["bundle", "functionName", "args", "executor"] as const;
const noArguments = new Uint8Array(0);

function parseRun(raw: RawLaunch): { readonly run: TaskRun; readonly args: Uint8Array } {
  if (raw.command !== undefined && raw.function !== undefined) {
    throw invalidSpec("function", "a job runs a `command` or a `function`; leave one of them out");
  }
  if (raw.function !== undefined) return parseFunction(raw);
  if (raw.command === undefined) {
    throw invalidSpec("command", "is missing: a job runs a `command` or a `function`");
  }
  const { ports, workspace } = raw;
  const fields = { ...parseFields("command", raw.command, commandNames), ports, workspace };
  return { run: parseCommand(fields, (name) => canonicalPaths[name]), args: noArguments };
}

function parseFunction(raw: RawLaunch): { readonly run: TaskRun; readonly args: Uint8Array } {
  const fields = parseFields("function", raw.function, functionNames);
  const { bundle, functionName, args, executor } = fields;
  refuseForFunction("workspace", raw.workspace);
  const name = parseTextWithoutNul("function.functionName", functionName, taskNameCharactersMax);
  if (name === "") throw impossibleValue("function.functionName", name, "the name of a function");
  return {
    run: {
      kind: "function",
      bundle: parseSha256("function.bundle", bundle),
      functionName: name,
      executor: parseExecutor(executor),
      ...parsePortsOfFunction(raw),
    },
    args: parseJobArguments("function.args", args),
  };
}

function parseExecutor(value: unknown = functionExecutors[0]): FunctionExecutor {
  const names = functionExecutors.map((name) => name.toUpperCase());
  const name = parseName("function.executor", value, names);
  return functionExecutors[names.indexOf(name)];
}

/** Only members of a gang tell each other where they are, and only there a function learns it. */
function parsePortsOfFunction({ ports = [], coscheduling }: RawLaunch): Pick<FunctionRun, "ports"> {
  const names = parsePorts("ports", ports);
  if (names.length === 0) return {};
  if (parseGroupBy(coscheduling) !== "") return { ports: names };
  throw invalidSpec("ports", "a job of functions has them as a gang: give `coscheduling` as well");
}

/** Refuses what only commands have, unless it says nothing. */
function refuseForFunction(field: string, value: unknown): void {
  if (value === undefined || value === "") return;
  throw invalidSpec(field, "only a job of commands has it; this one runs a function");
}

type Policy = Omit<TaskSpec, "run" | "name" | "resources" | "constraints" | "groupBy">;

/** When it goes, how long it may take, how often it is tried. */
function parsePolicy(raw: RawLaunch, run: TaskRun): Policy {
  const { band = jobDefaults.band, priority = jobDefaults.priority } = raw;
  const graceMs = run.kind === "function" ? specDefaults.graceMs : jobDefaults.graceMs;
  const { timeout = 0, schedulingTimeout = 0, grace = graceMs } = raw;
  const { maxRetriesFailure = jobDefaults.maxRetriesFailure } = raw;
  const { maxRetriesPreemption = jobDefaults.maxRetriesPreemption } = raw;
  const { retryExitCodes = [], noRetryExitCodes = [], retryBackoff = {} } = raw;
  const { MIN_SAFE_INTEGER: least, MAX_SAFE_INTEGER: most } = Number;
  return {
    band: parseBand(band),
    priority: parseWholeNumber("priority", priority, least, most),
    maxRetriesFailure: parseWholeNumber("maxRetriesFailure", maxRetriesFailure, 0, retryCountMax),
    maxRetriesPreemption: parseWholeNumber(
      "maxRetriesPreemption",
      maxRetriesPreemption,
      0,
      retryCountMax,
    ),
    noRetryExitCodes: parseExitCodes("noRetryExitCodes", noRetryExitCodes, 0),
    retryExitCodes: parseExitCodes("retryExitCodes", retryExitCodes, 1),
    retryBackoff: parseRetryBackoff("retryBackoff", retryBackoff),
    timeoutMs: parseDurationMs("timeout", timeout),
    schedulingTimeoutMs: parseDurationMs("schedulingTimeout", schedulingTimeout),
    graceMs: parseGrace(grace),
  };
}

function parseBand(value: unknown): Band {
  const names = bands.map((band) => band.toUpperCase());
  const name = parseName("band", value, names);
  return bands[names.indexOf(name)];
}

function parseGrace(value: unknown): number {
  const graceMs = parseDurationMs("grace", value);
  if (graceMs <= graceMsMax) return graceMs;
  throw impossibleValue("grace", value, `a grace of at most ${graceMsMax} milliseconds`);
}

/** Where it may run. */
function parsePlace(raw: RawLaunch): Pick<TaskSpec, "resources" | "constraints" | "groupBy"> {
  const { constraints = [], coscheduling } = raw;
  return {
    resources: parseResourcesRequest("resources", raw.resources),
    constraints: parseConstraints("constraints", constraints),
    groupBy: parseGroupBy(coscheduling),
  };
}

function parseGroupBy(coscheduling: unknown = {}): string {
  const { groupBy = "" } = parseFields("coscheduling", coscheduling, ["groupBy"]);
  return parseTextWithoutNul(fieldPath("coscheduling", "groupBy"), groupBy, nameCharactersMax);
}
