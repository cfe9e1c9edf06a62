/**
 * The flags of `capstan run` as the request of `LaunchJob`. Fields that nobody set are left out:
 * the API has one set of defaults.
 *
 * Errors name the flag. What only the whole job can tell (limits, contradictions) the API refuses.
 *
 * @module
 */

import { canonicalResources } from "../model/canonical-resources.ts";
import { CapstanError } from "../model/errors.ts";
import { parseCountMilli, parseCpuMilli, parseDurationMs } from "../model/parse-quantities.ts";
import { type DeviceAmount, noResources, type Resources } from "../model/resources.ts";
import { parseCustom } from "./parse-capacity.ts";
import { parseConstraintTexts } from "./parse-constraint-text.ts";
import { parseMemoryText } from "./parse-flags.ts";
import type { Requests, Unchanging } from "./responses.ts";

/** What `run` was told about the job, as it was typed. */
export interface JobFlags {
  readonly cpu?: number;
  readonly memory?: string;
  readonly disk?: string;
  readonly device?: readonly string[];
  readonly resource?: readonly string[];
  readonly replicas?: number;
  readonly groupBy?: string;
  readonly constraint?: readonly string[];
  readonly band?: string;
  readonly priority?: number;
  readonly timeout?: string;
  readonly schedulingTimeout?: string;
  readonly retries?: number;
  readonly preemptionRetries?: number;
  readonly maxTaskFailures?: number;
  readonly retryBackoff?: string;
  readonly retryExitCode?: readonly number[];
  readonly noRetryExitCode?: readonly number[];
  readonly grace?: string;
  readonly env?: readonly string[];
  readonly port?: readonly string[];
  readonly cwd?: string;
  readonly user?: string;
  readonly onExisting?: string;
  readonly children?: string;
}

/** What is known apart from the flags. */
export interface JobSurroundings {
  readonly name: string;
  readonly argv: readonly string[];
  /** SHA-256 of the uploaded workspace; "" for none. */
  readonly workspace: string;
  /** The environment that `--env NAME` copies from. */
  readonly shell: { readonly [name: string]: string | undefined };
}

/**
 * The request of `LaunchJob`.
 *
 * @throws CapstanError INVALID_ARGUMENT or INVALID_SPEC, naming the flag
 */
export function launchRequestOf(
  flags: JobFlags,
  { name, argv, workspace, shell }: JobSurroundings,
): Unchanging<Requests["LaunchJob"]> & { readonly resources: Resources } {
  return {
    name,
    command: {
      argv,
      env: parseEnvironment(flags.env ?? [], shell),
      ...given("cwd", flags.cwd),
    },
    resources: resourcesOf(flags),
    ...given("replicas", flags.replicas),
    ...converted("coscheduling", flags.groupBy, parseGang),
    ...converted("constraints", flags.constraint, parseConstraintTexts),
    ...given("band", flags.band?.toUpperCase()),
    ...given("priority", flags.priority),
    ...limitsOf(flags),
    ...given("ports", flags.port),
    ...(workspace === "" ? {} : { workspace }),
    ...given("user", flags.user),
    ...given("onExisting", flags.onExisting?.toUpperCase()),
    ...given("children", flags.children?.toUpperCase()),
  };
}

/** How long, and how often again. */
function limitsOf(flags: JobFlags) {
  return {
    ...converted("timeout", flags.timeout, (text) => parseLimitText("--timeout", text)),
    ...converted("schedulingTimeout", flags.schedulingTimeout, (text) =>
      parseLimitText("--scheduling-timeout", text),
    ),
    ...converted("grace", flags.grace, (text) => parseDurationText("--grace", text)),
    ...given("maxRetriesFailure", flags.retries),
    ...given("maxRetriesPreemption", flags.preemptionRetries),
    ...given("maxTaskFailures", flags.maxTaskFailures),
    ...converted("retryBackoff", flags.retryBackoff, parseBackoff),
    ...given("retryExitCodes", flags.retryExitCode),
    ...given("noRetryExitCodes", flags.noRetryExitCode),
  };
}

/** `{ [field]: value }`, or nothing if there is no value. */
function given<F extends string, V>(field: F, value: V | undefined): Maybe<F, V> {
  return converted(field, value, (same) => same);
}

/** The same, of what `convert` makes of the value. */
function converted<F extends string, V, R>(
  field: F,
  value: V | undefined,
  convert: (value: V) => R,
): Maybe<F, R> {
  // A computed name widens to `string`; it is `field` and nothing else.
  return (value === undefined ? {} : { [field]: convert(value) }) as Maybe<F, R>;
}

/** An empty shell variable must not run a gang as single tasks. */
function parseGang(groupBy: string): { readonly groupBy: string } {
  if (groupBy !== "") return { groupBy };
  const what = "--group-by must name an attribute of workers; without it the job is no gang";
  throw new CapstanError("INVALID_ARGUMENT", what);
}

type Maybe<F extends string, V> = { readonly [name in F]?: V };

/** One CPU unless told otherwise; memory and disk are not enforced unless they are given. */
function resourcesOf({ cpu, memory, disk, device, resource }: JobFlags): Resources {
  return canonicalResources({
    ...noResources,
    cpuMilli: parseCpuMilli("--cpu", cpu ?? 1),
    memoryBytes: memory === undefined ? 0 : parseMemoryText("--memory", memory),
    diskBytes: disk === undefined ? 0 : parseMemoryText("--disk", disk),
    devices: (device ?? []).map((text) => parseWantedDevice(text)),
    custom: parseCustom(resource ?? []),
  });
}

/**
 * `gpu:2` is two of any variant, `gpu:h100:2` two of that one.
 *
 * @throws CapstanError INVALID_ARGUMENT
 */
export function parseWantedDevice(text: string, flag = "--device"): DeviceAmount {
  const parts = text.toLowerCase().split(":");
  const kind = parts[0];
  const variant = parts.length === 3 ? parts[1] : "auto";
  const count = parts.at(-1) ?? "";
  const isWhole = parts.length === 2 || parts.length === 3;
  if (!isWhole || kind === "" || variant === "" || !/^\d+(\.\d+)?$/.test(count)) {
    const forms = "KIND:COUNT or KIND:VARIANT:COUNT, such as gpu:1 or gpu:h100:2";
    throw new CapstanError("INVALID_ARGUMENT", `${flag} must be ${forms}, not "${text}"`);
  }
  return { kind, variant, countMilli: parseCountMilli(flag, Number(count)), indices: [] };
}

/**
 * `NAME=VALUE`, or `NAME` alone, which copies it from the shell. Of two with one name the last
 * wins.
 *
 * @throws CapstanError INVALID_ARGUMENT
 */
export function parseEnvironment(
  texts: readonly string[],
  shell: JobSurroundings["shell"],
): { readonly [name: string]: string } {
  return Object.fromEntries(
    texts.map((text) => {
      const equals = text.indexOf("=");
      const name = equals < 0 ? text : text.slice(0, equals);
      if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) throw noVariable(text);
      return [name, equals < 0 ? fromShell(name, shell) : text.slice(equals + 1)];
    }),
  );
}

function noVariable(text: string): CapstanError {
  const what = `--env must be NAME=VALUE, or NAME to copy it from this shell, not "${text}"`;
  return new CapstanError("INVALID_ARGUMENT", what);
}

function fromShell(name: string, shell: JobSurroundings["shell"]): string {
  const value = shell[name];
  if (value !== undefined) return value;
  const what = `--env ${name}: this shell has no such variable; --env ${name}= sets it empty`;
  throw new CapstanError("INVALID_ARGUMENT", what);
}

/** `1s:60s`: the first delay, then doubled up to the second; `1s` alone keeps the usual limit. */
function parseBackoff(text: string) {
  const [initial, max, ...rest] = text.split(":");
  if (rest.length > 0) {
    const what = `--retry-backoff must be INITIAL or INITIAL:MAX, such as 1s:60s, not "${text}"`;
    throw new CapstanError("INVALID_ARGUMENT", what);
  }
  return {
    initial: parseDurationText("--retry-backoff", initial),
    ...converted("max", max, (duration) => parseDurationText("--retry-backoff", duration)),
  };
}

/** Milliseconds of `"90s"`; `"0"` needs no unit. Throws CapstanError INVALID_ARGUMENT. */
export function parseDurationText(flag: string, text: string): number {
  return parseDurationMs(flag, text === "0" ? 0 : text);
}

/** The same of a limit: the API's 0 is none, which nobody means who gives one. */
export function parseLimitText(flag: string, text: string): number {
  const durationMs = parseDurationText(flag, text);
  if (durationMs > 0) return durationMs;
  throw new CapstanError("INVALID_ARGUMENT", `${flag} must be above 0; without it there is none`);
}

/**
 * A name for a job that nobody named: the program's, and a suffix that tells two runs apart.
 *
 * @param suffix lower-case letters and digits
 */
export function defaultJobName(program: string, suffix: string): string {
  const base = program.split("/").findLast((part) => part !== "") ?? "";
  const plain = base.replaceAll(/[^A-Za-z0-9._@-]+/g, "-").slice(0, 60);
  return `${plain === "" ? "job" : plain}-${suffix}`;
}
