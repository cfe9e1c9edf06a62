/**
 * Specs, resources, failures and constraints as a peer sent them: plain data to typed values.
 *
 * What a value *means* (a spec that contradicts itself) is not judged here.
 *
 * @module
 */

import { type Constraint, constraintOperators } from "../model/constraints.ts";
import type { AttemptFailure, ErrorRecord, TaskFailure } from "../model/failure.ts";
import { nameCharactersMax, pluginsMax, sharedNameCharactersMax } from "../model/limits.ts";
import type { DeviceAmount, Resources } from "../model/resources.ts";
import {
  actorParts,
  type FunctionRun,
  functionExecutors,
  type PluginRun,
  type PluginSet,
  type RetryBackoff,
  type TaskRun,
  type TaskSpec,
} from "../model/spec.ts";
import { bands } from "../model/states.ts";
import { Fields, requireCount, requireText } from "./fields.ts";
import { protocolError } from "./frame-format.ts";
import { copiesMax, exitCodesMax } from "./limits.ts";
import { parseCommandRun, requireSha256 } from "./parse-command.ts";

/** A whole task spec. Throws PROTOCOL_ERROR naming the field. */
export function parseTaskSpec(fields: Fields): TaskSpec {
  return {
    run: parseRun(fields.child("run")),
    name: fields.text("name"),
    resources: parseResourceVector(fields.child("resources")),
    constraints: fields.list("constraints", (item, path) => parseClause(new Fields(item, path))),
    band: fields.oneOf("band", bands),
    priority: fields.integer("priority"),
    maxRetriesFailure: fields.count("maxRetriesFailure"),
    maxRetriesPreemption: fields.count("maxRetriesPreemption"),
    noRetryExitCodes: fields.list("noRetryExitCodes", requireExitCode, exitCodesMax),
    retryExitCodes: fields.list("retryExitCodes", requireExitCode, exitCodesMax),
    retryBackoff: parseBackoff(fields.child("retryBackoff")),
    timeoutMs: fields.count("timeoutMs"),
    schedulingTimeoutMs: fields.count("schedulingTimeoutMs"),
    graceMs: fields.count("graceMs"),
    groupBy: fields.boundedText("groupBy", nameCharactersMax, true),
    ...(fields.raw("exclusive") === undefined ? {} : { exclusive: fields.flag("exclusive") }),
  };
}

/** Resources on the wire: integers only. Throws PROTOCOL_ERROR naming the field. */
export function parseResourceVector(fields: Fields): Resources {
  return {
    cpuMilli: fields.count("cpuMilli"),
    memoryBytes: fields.count("memoryBytes"),
    diskBytes: fields.count("diskBytes"),
    devices: fields.list("devices", (item, path) => parseDevice(new Fields(item, path))),
    custom: fields.dictionary("custom", (item, path) => requireCount(item, path)),
  };
}

/** How an attempt failed. Throws PROTOCOL_ERROR naming the field. */
export function parseAttemptFailure(fields: Fields): AttemptFailure {
  return {
    error: parseErrorRecord(fields.child("error")),
    exitCode: fields.integerOrNull("exitCode"),
    signal: fields.textOrNull("signal"),
    oom: fields.flag("oom"),
    stderrTail: fields.text("stderrTail"),
  };
}

/** Why a task failed. Throws PROTOCOL_ERROR naming the field. */
export function parseTaskFailure(fields: Fields): TaskFailure {
  return {
    code: fields.text("code"),
    message: fields.text("message"),
    blame: fields.text("blame"),
    workerId: fields.text("workerId"),
    attempts: fields.count("attempts"),
    failure: fields.raw("failure") === null ? null : parseAttemptFailure(fields.child("failure")),
  };
}

function parseRun(fields: Fields): TaskRun {
  const kind = fields.oneOf("kind", ["function", "command", "value"]);
  if (kind === "value") return { kind, copies: fields.count("copies", copiesMax) };
  return kind === "function" ? parseFunctionRun(fields) : parseCommandRun(fields);
}

function parseFunctionRun(fields: Fields): FunctionRun {
  const bundle = requireSha256(fields, "bundle");
  const functionName = fields.text("functionName");
  if (functionName === "") throw fields.refuse("functionName", "a name", functionName);
  const executor = fields.oneOf("executor", functionExecutors);
  const hasPart = fields.raw("part") !== undefined;
  const part = hasPart ? { part: fields.oneOf("part", actorParts) } : {};
  const hasPorts = fields.raw("ports") !== undefined;
  const ports = hasPorts ? { ports: fields.list("ports", requireText) } : {};
  const run = { kind: "function", bundle, functionName, executor, ...part, ...ports } as const;
  if (fields.raw("plugins") === undefined) return run;
  return { ...run, plugins: parsePlugins(fields.child("plugins")) };
}

function parsePlugins(fields: Fields): PluginSet {
  const plugins = fields.list(
    "plugins",
    (item, path) => parsePlugin(new Fields(item, path)),
    pluginsMax,
  );
  return { key: requireSha256(fields, "key"), plugins };
}

function parsePlugin(fields: Fields): PluginRun {
  return {
    name: fields.boundedText("name", sharedNameCharactersMax),
    bundle: requireSha256(fields, "bundle"),
    setup: fields.boundedText("setup", nameCharactersMax),
    teardown: fields.boundedText("teardown", nameCharactersMax, true),
  };
}

const exitCodeMax = 255;

function requireExitCode(value: unknown, path: string): number {
  return requireCount(value, path, exitCodeMax);
}

function parseBackoff(fields: Fields): RetryBackoff {
  return { initialMs: fields.count("initialMs"), maxMs: fields.count("maxMs") };
}

function parseDevice(fields: Fields): DeviceAmount {
  return {
    kind: fields.text("kind"),
    variant: fields.text("variant"),
    countMilli: fields.count("countMilli"),
    indices: fields.list("indices", (item, path) => requireCount(item, path)),
  };
}

/** How many values a clause has, by operator; any number where none is named. */
const valueCounts: { readonly [op: string]: number } = { exists: 0, "not-exists": 0 };

function parseClause(fields: Fields): Constraint {
  const op = fields.oneOf("op", constraintOperators);
  const values = fields.list("values", requireText);
  const expected = op === "in" ? values.length : (valueCounts[op] ?? 1);
  if (values.length !== expected) {
    throw protocolError(
      `${fields.path}.values must have ${expected} entries for \`${op}\`, not ${values.length}`,
    );
  }
  const mode = fields.oneOf("mode", ["REQUIRED", "PREFERRED"]);
  return { key: fields.text("key"), op, values, mode };
}

function parseErrorRecord(fields: Fields): ErrorRecord {
  return {
    name: fields.text("name"),
    message: fields.text("message"),
    stack: fields.text("stack"),
    causes: fields.list("causes", (item, path) => {
      const cause = new Fields(item, path);
      return { name: cause.text("name"), message: cause.text("message") };
    }),
  };
}
