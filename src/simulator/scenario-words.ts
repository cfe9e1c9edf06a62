/**
 * The small words of scenarios: tasks, jobs, machines and acts, each from one piece of text.
 *
 *     b(a):retries=2:cpu=0.5        a task, its inputs and options
 *     g:replicas=3:group=slice      a job
 *     slots=2 gpu=a100*4 slice=a    a machine; what is no resource is an attribute
 *     run 20ms then fail            what an execution does
 *
 * What is unclear is an error of {@link ScenarioError} that says what would be clear.
 *
 * @module
 */

import type { Constraint } from "../model/constraints.ts";
import {
  budgetDefaults,
  childPolicies,
  existingPolicies,
  type JobSpec,
  type UserBudget,
} from "../model/job.ts";
import { parseConstraint } from "../model/parse-constraints.ts";
import { parseDurationMs, parseMemoryBytes } from "../model/parse-quantities.ts";
import {
  type DeviceAmount,
  defaultRequest,
  noResources,
  type Resources,
} from "../model/resources.ts";
import { functionExecutors, jobDefaults, specDefaults, type TaskSpec } from "../model/spec.ts";
import { bands } from "../model/states.ts";
import type { Machine } from "./scenario-world.ts";
import { type Act, defaultAct } from "./scripted-behaviour.ts";
import type { TaskDraft } from "./scripted-client.ts";
import { aCommand } from "./simulated-jobs.ts";

/** A scenario that cannot be played as it is written, or whose expectation is not met. */
export class ScenarioError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "ScenarioError";
  }
}

/** `key=value` pairs, taken out one by one: what remains was not known. */
class Options {
  readonly #pairs = new Map<string, string>();
  readonly #about: string;

  constructor(about: string, texts: readonly string[]) {
    this.#about = about;
    for (const text of texts) {
      const [, key, value] = /^([\w.-]+)=(.+)$/.exec(text) ?? fail(`"${text}" is no option=value`);
      if (this.#pairs.has(key)) throw new ScenarioError(`${about}: "${key}" is given twice`);
      this.#pairs.set(key, value);
    }
  }

  text(key: string): string | undefined {
    const value = this.#pairs.get(key);
    this.#pairs.delete(key);
    return value;
  }

  number(key: string, otherwise: number): number {
    const text = this.text(key);
    if (text === undefined) return otherwise;
    const number = Number(text);
    return Number.isFinite(number) ? number : fail(`${this.#about}: ${key}=${text} is no number`);
  }

  durationMs(key: string, otherwise: number): number {
    const text = this.text(key);
    return text === undefined ? otherwise : parseDurationMs(key, text);
  }

  oneOf<T extends string>(key: string, values: readonly T[], otherwise: T): T {
    const text = this.text(key);
    if (text === undefined) return otherwise;
    const value = values.find((one) => one === text);
    return value ?? fail(`${this.#about}: ${key}=${text} must be one of ${values.join(", ")}`);
  }

  /** Those that begin with `prefix`, without it. */
  withPrefix(prefix: string): [string, string][] {
    const keys = [...this.#pairs.keys()].filter((key) => key.startsWith(prefix));
    return keys.map((key) => [key.slice(prefix.length), this.text(key) ?? ""]);
  }

  rest(): { readonly [key: string]: string } {
    return Object.fromEntries(this.#pairs);
  }

  assertNoneLeft(): void {
    const [left] = this.#pairs.keys();
    if (left !== undefined) throw new ScenarioError(`${this.#about} has no option "${left}"`);
  }
}

function fail(message: string): never {
  throw new ScenarioError(message);
}

/** `20ms`, `3s`, as microseconds. */
export function parseUs(text: string): number {
  return parseDurationMs("duration", text) * 1_000;
}

/** Actors and their calls take no CPU unless they ask for it. */
const noRequest: Resources = { ...defaultRequest, cpuMilli: 0 };

const aFunction = { kind: "function", bundle: "0".repeat(64), functionName: "f" } as const;

/** Words that begin a line and so cannot be the name of a task. */
const reserved = ["after", "until", "never", "always", "rest", "worker", "client", "job", "why"];

export function parseTask(text: string): TaskDraft {
  const [, label, inputs, rest] =
    /^([a-z][\w-]*)(?:\(([^)]*)\))?((?::[\w.-]+=[^:]+)*)$/.exec(text) ??
    fail(`"${text}" is no task: expected name(inputs):option=value`);
  if (reserved.includes(label)) fail(`"${label}" cannot name a task`);
  const options = new Options(label, rest.split(":").filter(Boolean));
  const key = options.text("key") ?? "";
  const executor = options.oneOf("executor", functionExecutors, "thread");
  const exclusive = options.oneOf("exclusive", ["yes", "no"], "no") === "yes";
  const part = options.oneOf("part", ["actor", "call", "none"], "none");
  // What an actor did before it was lost is not known: neither it nor a call begins again.
  const defaults = part === "none" ? specDefaults : { ...specDefaults, maxRetriesPreemption: 0 };
  const run = { ...aFunction, executor };
  const spec: TaskSpec = {
    ...specDefaults,
    ...commonOf(options, defaults, part === "none" ? defaultRequest : noRequest),
    ...(exclusive ? { exclusive } : {}),
    run: part === "none" ? run : { ...run, part },
    name: "f",
  };
  options.assertNoneLeft();
  return { label, inputs: inputs === undefined ? [] : inputs.split(","), spec, key };
}

/** `v:key=k:copies=2`: a value that a client brings; 0 copies are one on each worker. */
export function parseScattered(text: string): TaskDraft {
  const [, label, rest] =
    /^([a-z][\w-]*)((?::[\w.-]+=[^:]+)*)$/.exec(text) ??
    fail(`"${text}" is no scattered value: expected name:option=value`);
  const options = new Options(label, rest.split(":").filter(Boolean));
  const key = options.text("key") ?? "";
  const run = { kind: "value", copies: options.number("copies", 1) } as const;
  options.assertNoneLeft();
  const resources = noRequest;
  const spec: TaskSpec = { ...specDefaults, resources, constraints: [], run, name: "scattered" };
  return { label, inputs: [], spec, key };
}

export function parseJob(text: string): { readonly name: string; readonly spec: JobSpec } {
  const [, name, rest] =
    /^([a-z][\w-]*(?:\/[a-z][\w-]*)*)((?::[\w.-]+=[^:]+)*)$/.exec(text) ??
    fail(`"${text}" is no job: expected name:option=value`);
  const options = new Options(name, rest.split(":").filter(Boolean));
  const executor = options.oneOf("runs", ["command", ...functionExecutors], "command");
  const spec: JobSpec = {
    jobId: `/${options.text("user") ?? "ann"}/${name}`,
    args: new Uint8Array(0),
    replicas: options.number("replicas", 1),
    maxTaskFailures: options.number("failures", 0),
    onExisting: options.oneOf("existing", existingPolicies, "ERROR"),
    children: options.oneOf("children", childPolicies, "AUTO"),
    task: {
      ...jobDefaults,
      ...commonOf(options, jobDefaults),
      run: executor === "command" ? aCommand : { ...aFunction, executor },
      name,
      groupBy: options.text("group") ?? "",
    },
  };
  options.assertNoneLeft();
  return { name, spec };
}

type Common = Pick<TaskSpec, "maxRetriesPreemption" | "graceMs">;

/** What tasks and jobs share. */
function commonOf(options: Options, defaults: Common, request: Resources = defaultRequest) {
  const backoffMs = options.durationMs("backoff", 0);
  const codes = (key: string) => (options.text(key) ?? "").split(",").filter(Boolean).map(Number);
  return {
    resources: resourcesOf(options, request),
    constraints: constraintsOf(options),
    band: options.oneOf("band", bands, "interactive"),
    priority: options.number("priority", 0),
    maxRetriesFailure: options.number("retries", 0),
    maxRetriesPreemption: options.number("losses", defaults.maxRetriesPreemption),
    retryBackoff: { initialMs: backoffMs, maxMs: backoffMs },
    timeoutMs: options.durationMs("timeout", 0),
    schedulingTimeoutMs: options.durationMs("within", 0),
    graceMs: options.durationMs("grace", defaults.graceMs),
    noRetryExitCodes: codes("noretry"),
    retryExitCodes: codes("retryon"),
  };
}

/** `a100*2`, or `2` of any model. */
function deviceOf(kind: string, text: string): DeviceAmount {
  const [, variant = "auto", count] =
    /^(?:([a-z][\w-]*)\*)?([\d.]+)$/.exec(text) ??
    fail(`${kind}=${text}: expected a100*2, 2 or a100*1+h100*1`);
  return { kind, variant, countMilli: Math.round(Number(count) * 1000), indices: [] };
}

/** `cpu`, `memory`, `gpu=a100*2` or `gpu=a100*1+h100*2` (or another kind), `custom.NAME`. */
function resourcesOf(options: Options, defaults: Resources): Resources {
  const memory = options.text("memory");
  const disk = options.text("disk");
  const milli = (count: number) => Math.round(count * 1000);
  const devices = ["gpu", "tpu"].flatMap((kind) => {
    const text = options.text(kind);
    return text === undefined ? [] : text.split("+").map((one) => deviceOf(kind, one));
  });
  const custom = options.withPrefix("custom.").map(([name, text]) => [name, milli(Number(text))]);
  return {
    cpuMilli: milli(options.number("cpu", defaults.cpuMilli / 1000)),
    memoryBytes: memory === undefined ? 0 : parseMemoryBytes("memory", memory),
    diskBytes: disk === undefined ? 0 : parseMemoryBytes("disk", disk),
    devices,
    custom: Object.fromEntries(custom),
  };
}

/** `needs.region=east`, `prefers.region=east`; `exists` is a presence. */
function constraintsOf(options: Options): Constraint[] {
  const of = (prefix: string, mode: Constraint["mode"]) =>
    options.withPrefix(prefix).map(([key, value]) => {
      const what = value === "exists" ? { op: "exists" } : { op: "=", values: [value] };
      return parseConstraint("constraint", { key, mode, ...what });
    });
  return [...of("needs.", "REQUIRED"), ...of("prefers.", "PREFERRED")];
}

export function parseMachine(workerId: string, texts: readonly string[]): Machine {
  const options = new Options(workerId, texts);
  const slots = options.number("slots", 1);
  const commandSlots = options.number("commands", 8);
  const capacity = resourcesOf(options, { ...noResources, cpuMilli: slots * 1000 });
  const { host, ...attributes } = options.rest();
  return {
    workerId,
    place: 0,
    slots,
    commandSlots,
    capacity,
    // The place of a host within its slice orders the members of a gang.
    attributes: host === undefined ? attributes : { ...attributes, "tpu-worker-id": host },
  };
}

/** `cap=2 weight=1 budget=5 band=batch tasks=10`; the cap is of CPUs. */
export function parseBudget(user: string, texts: readonly string[]): UserBudget {
  const options = new Options(user, texts);
  const cap = options.number("cap", -1);
  const budget: UserBudget = {
    ...budgetDefaults,
    user,
    weight: options.number("weight", budgetDefaults.weight),
    budget: options.number("budget", budgetDefaults.budget),
    bandMax: options.oneOf("band", bands, budgetDefaults.bandMax),
    cap: cap < 0 ? null : { ...noResources, cpuMilli: cap * 1000 },
    activeTasksMax: options.number("tasks", budgetDefaults.activeTasksMax),
  };
  options.assertNoneLeft();
  return budget;
}

const actForms =
  /^(?:(hold)|run (\S+) then (\S+)|run (\S+)|(\S+))(?: with code (\d+))?(?: of (\S+))?$/;

/**
 * `finish`, `fail`, `kill` (somebody else kills the process), `crash` (its machine dies with it),
 * `reschedule` (it asks to run later),
 * `hold` (until it is told), `run 20ms`, `run 20ms then fail`, `cannot load a` (an input);
 * `fail with code 3`, and `of 1m` for the size of a value.
 */
export function parseAct(text: string): Act {
  const [, missed] = /^cannot load (\S+)$/.exec(text) ?? [];
  if (missed !== undefined) return { ...defaultAct, end: "miss", input: missed };
  const [, hold, beforeMs, then, runMs, end, code, size] =
    actForms.exec(text) ?? fail(`"${text}" is nothing that an execution does`);
  return {
    ...defaultAct,
    runUs: hold !== undefined ? "hold" : parseUs(beforeMs ?? runMs ?? "1ms"),
    end: parseEnd(then ?? end ?? "finish"),
    exitCode: code === undefined ? null : Number(code),
    sizeBytes: size === undefined ? defaultAct.sizeBytes : parseMemoryBytes("size", size),
  };
}

export const ends = ["finish", "fail", "kill", "crash", "reschedule"] as const;

function parseEnd(text: string): Act["end"] {
  const end = ends.find((one) => one === text);
  return end ?? fail(`"${text}" is no end of an execution: expected ${ends.join(", ")}`);
}
