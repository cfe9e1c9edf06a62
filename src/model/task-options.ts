/**
 * The options of a submit, as the SDK's user writes them, to the fields of a task's specification.
 *
 * What cannot be honoured is refused with a sentence, never ignored.
 *
 * @module
 */

import type { Constraint } from "./constraints.ts";
import {
  constraintValueCountMax,
  nameCharactersMax,
  retryCountMax,
  taskKeyCharactersMax,
  taskNameCharactersMax,
} from "./limits.ts";
import type { ConstraintOptions } from "./parse-constraints.ts";
import { parseConstraints } from "./parse-constraints.ts";
import type { Fields } from "./parse-fields.ts";
import {
  fieldPath,
  invalidSpec,
  parseArray,
  parseBoolean,
  parseFields,
  parseInteger,
  parseOneOf,
  parseText,
} from "./parse-fields.ts";
import { parseDurationMs } from "./parse-quantities.ts";
import type { ResourceOptions } from "./parse-resources.ts";
import { parseResources } from "./parse-resources.ts";
import type { FunctionExecutor, RetryBackoff, TaskSpec } from "./spec.ts";
import { functionExecutors, specDefaults } from "./spec.ts";
import type { Band } from "./states.ts";
import { bands } from "./states.ts";

/** The attribute that every worker has: its own id. */
export const workerIdAttribute = "worker-id";

/** Options of one submit. Durations are `"90s"`, `"5m"` or milliseconds. */
export interface TaskOptions {
  /** Names the task within its user; the same key is computed once. Default: made up. */
  readonly key?: string | undefined;
  /** The same function and arguments have the same key. Default false. */
  readonly pure?: boolean | undefined;
  /** For people. Default: the name of the function. */
  readonly name?: string | undefined;
  /** Default one CPU. */
  readonly resources?: ResourceOptions | undefined;
  readonly constraints?: readonly ConstraintOptions[] | undefined;
  /** Higher goes first within a band; default 0. */
  readonly priority?: number | undefined;
  /** Default `"interactive"`. */
  readonly band?: Band | undefined;
  /** How often the function may fail and be tried again; default 0. */
  readonly retries?: number | undefined;
  /** The wait before a retry doubles from `initial` (default 0) to `max` (default 60 s). */
  readonly retryBackoff?: RetryBackoffOptions | undefined;
  /** Limit of one attempt; past it the task is FAILED and not retried. Default 0: none. */
  readonly timeout?: string | number | undefined;
  /** Limit of the wait for the first start; past it: UNSCHEDULABLE. Default 0: none. */
  readonly schedulingTimeout?: string | number | undefined;
  /** Ids of the workers that may run it. Default: all. */
  readonly workers?: string | readonly string[] | undefined;
  /** `workers` is a preference and not a condition. Default false. */
  readonly allowOtherWorkers?: boolean | undefined;
  /** A thread of the worker, or a process that can be killed. Default `"thread"`. */
  readonly executor?: FunctionExecutor | undefined;
  /**
   * Started at most once, whatever happens: it has no retries, and when its worker is lost, or it
   * is taken away, after it may have begun it fails with MAY_HAVE_RUN. A lost value of it is lost.
   * Default false.
   */
  readonly exclusive?: boolean | undefined;
}

/** See `RetryBackoff`. */
export interface RetryBackoffOptions {
  readonly initial?: string | number | undefined;
  readonly max?: string | number | undefined;
}

const optionNames = [
  "key",
  "pure",
  "name",
  "resources",
  "constraints",
  "priority",
  "band",
  "retries",
  "retryBackoff",
  "timeout",
  "schedulingTimeout",
  "workers",
  "allowOtherWorkers",
  "executor",
  "exclusive",
] as const;

type RawOptions = Fields<(typeof optionNames)[number]>;

/**
 * The specification that `value` asks for, all but what runs. `key`, `pure` and `executor` are
 * checked here and read by the client: they belong to one task, or to what it runs. `functionName`
 * is the default name.
 *
 * @throws CapstanError INVALID_ARGUMENT (an unknown or malformed option, named) or INVALID_SPEC
 */
export function parseTaskOptions(value: unknown, functionName = ""): Omit<TaskSpec, "run"> {
  const raw = parseFields("", value === undefined ? {} : value, optionNames);
  const { band = specDefaults.band, priority = specDefaults.priority } = raw;
  const { retries = specDefaults.maxRetriesFailure, retryBackoff = {}, constraints = [] } = raw;
  const { timeout = 0, schedulingTimeout = 0 } = raw;
  checkIdentity(raw);
  parseExecutor(raw.executor);
  const exclusive = parseExclusive(raw);
  return {
    name:
      raw.name === undefined ? functionName : parseText("name", raw.name, taskNameCharactersMax),
    resources: parseResources("resources", raw.resources),
    constraints: [...parseConstraints("constraints", constraints), ...parsePlaces(raw)],
    band: parseBand(band),
    priority: parsePriority(priority),
    maxRetriesFailure: parseInteger("retries", retries, 0, retryCountMax),
    maxRetriesPreemption: specDefaults.maxRetriesPreemption,
    noRetryExitCodes: specDefaults.noRetryExitCodes,
    retryExitCodes: specDefaults.retryExitCodes,
    retryBackoff: parseRetryBackoff("retryBackoff", retryBackoff),
    timeoutMs: parseDurationMs("timeout", timeout),
    schedulingTimeoutMs: parseDurationMs("schedulingTimeout", schedulingTimeout),
    graceMs: specDefaults.graceMs,
    groupBy: specDefaults.groupBy,
    ...(exclusive ? { exclusive } : {}),
  };
}

function checkIdentity({ key, pure }: RawOptions): void {
  if (key !== undefined) parseText("key", key, taskKeyCharactersMax);
  const isPure = pure !== undefined && parseBoolean("pure", pure);
  if (isPure && key !== undefined) {
    throw invalidSpec("pure", "a pure task's key follows from its arguments; leave `key` out");
  }
}

/**
 * Where the function runs: it belongs to what is run and not to the rest of the specification.
 *
 * @throws CapstanError INVALID_ARGUMENT
 */
export function parseExecutor(value: unknown): FunctionExecutor {
  return value === undefined ? "thread" : parseOneOf("executor", value, functionExecutors);
}

function parseExclusive({ exclusive, retries }: RawOptions): boolean {
  const isExclusive = exclusive !== undefined && parseBoolean("exclusive", exclusive);
  if (isExclusive && retries !== undefined && retries !== 0) {
    throw invalidSpec("exclusive", "what is started at most once has no `retries`; leave one out");
  }
  return isExclusive;
}

function parseBand(value: unknown): Band {
  return parseOneOf("band", typeof value === "string" ? value.toLowerCase() : value, bands);
}

function parsePriority(value: unknown): number {
  return parseInteger("priority", value, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
}

/** `workers` and `allowOtherWorkers` are a constraint on the worker's id. */
function parsePlaces({ workers, allowOtherWorkers }: RawOptions): readonly Constraint[] {
  const others =
    allowOtherWorkers !== undefined && parseBoolean("allowOtherWorkers", allowOtherWorkers);
  if (workers === undefined) {
    if (others) throw invalidSpec("allowOtherWorkers", "says nothing without `workers`");
    return [];
  }
  const mode = others ? "PREFERRED" : "REQUIRED";
  return [{ key: workerIdAttribute, op: "in", values: parseWorkerIds(workers), mode }];
}

function parseWorkerIds(value: unknown): readonly string[] {
  if (typeof value === "string") return [parseText("workers", value, nameCharactersMax)];
  const ids = parseArray("workers", value, constraintValueCountMax);
  if (ids.length === 0) throw invalidSpec("workers", "an empty list leaves no worker to run on");
  return ids.map((id, index) => parseText(`workers[${index}]`, id, nameCharactersMax));
}

/**
 * `{ initial, max }`. `max` follows an `initial` above its default.
 *
 * @throws CapstanError INVALID_ARGUMENT, or INVALID_SPEC when `initial` is above `max`
 */
export function parseRetryBackoff(field: string, value: unknown): RetryBackoff {
  const defaults = specDefaults.retryBackoff;
  const { initial = defaults.initialMs, max } = parseFields(field, value, ["initial", "max"]);
  const initialMs = parseDurationMs(fieldPath(field, "initial"), initial);
  if (max === undefined) return { initialMs, maxMs: Math.max(initialMs, defaults.maxMs) };
  const maxMs = parseDurationMs(fieldPath(field, "max"), max);
  if (initialMs > maxMs) throw invalidSpec(field, "`initial` is longer than `max`");
  return { initialMs, maxMs };
}
