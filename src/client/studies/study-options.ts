/**
 * What a study is asked for, and its options checked.
 *
 * @module
 */

import { resolve } from "node:path";
import { CapstanError } from "../../model/errors.ts";
import { invalidArgument, parseFields } from "../../model/parse-fields.ts";
import type { MapOptions } from "../submit-options.ts";
import { type AnyTask, type Task, taskSymbol } from "../task.ts";
import { openReplicatesDefault, replicatesMax } from "./limits.ts";

declare const valueOfProgram: unique symbol;

/**
 * A model that is a program in any language. It gets one line of JSON on its standard input,
 * `{"parameters": …, "seed": …, "replicate": …}`, and writes its result to standard output as JSON.
 */
export interface ProgramModel<O = unknown> extends ProgramOptions {
  /** Never there: carries the type. */
  readonly [valueOfProgram]?: () => O;
}

/** How a model that is a program is started. */
export interface ProgramOptions {
  /** The program and its arguments; no shell reads them. */
  readonly command: readonly string[];
  /** A directory of this machine that the program starts in a copy of. Default an empty one. */
  readonly workspace?: string | undefined;
  /** Variables of its environment. Default none. */
  readonly env?: { readonly [name: string]: string } | undefined;
}

/** A program as a model whose values are an `O`: `program<Curve>({ command: ["./model"] })`. */
export function program<O>(options: ProgramOptions): ProgramModel<O> {
  return options;
}

/** What computes one replicate. The same parameters and seed must give the same value. */
export type Simulate<P, O> = Task<[parameters: P, seed: number], O> | ProgramModel<O>;

/** What aggregates the values of a set: a task, or a reduction that does it in parts. */
export type Aggregate<P, O, A> = Task<[values: readonly O[], parameters: P], A>;

/** One aggregation, or several by name, each over the same values. */
export type Aggregates<P, O> =
  | Aggregate<P, O, unknown>
  | { readonly [target: string]: Aggregate<P, O, unknown> };

type ValueOf<T> = T extends Task<infer _Arguments, infer A> ? Awaited<A> : never;

/** The value of a set: of the one aggregation, or an object with one of each. */
export type Aggregated<G> = G extends AnyTask
  ? ValueOf<G>
  : { readonly [target in keyof G]: ValueOf<G[target]> };

/** The options of a study. */
export interface StudyOptions<P, O, G> {
  /** Also the directory's: letters, digits, `.`, `_`, `-`. What has the same name is resumed. */
  readonly name: string;
  /** Sets that are known from the start. Each must be JSON, and no two the same. */
  readonly parameterSets?: Iterable<P> | undefined;
  /** How often each set is simulated, each time with a seed of its own. */
  readonly replicates: number;
  readonly simulate: Simulate<P, O>;
  readonly aggregate: G;
  /**
   * How many replicates of a set must succeed for it to be aggregated: a count. Default all. Every
   * replicate is waited for in any case; one that may hang needs a `timeout`.
   */
  readonly quorum?: number | undefined;
  /** The seed of all seeds: a safe whole number. Default 0. */
  readonly seed?: number | undefined;
  /** Where studies are kept, each in a directory of its name. Default `.capstan/studies`. */
  readonly directory?: string | undefined;
  /** Replicates submitted and not ended at a time; fewer may leave workers idle. Default 2,048. */
  readonly openReplicates?: number | undefined;
  /** Options of the simulations: `timeout`, `retries`, `resources`, … See `submit`. */
  readonly replicateOptions?: MapOptions | undefined;
  /** Options of the aggregations. */
  readonly aggregateOptions?: MapOptions | undefined;
  /** The module that `capstan study resume` is to import; `capstan study run` sets it. */
  readonly file?: string | undefined;
}

/** A named aggregation. */
export interface Target {
  readonly name: string;
  readonly task: AnyTask;
}

/** Options, checked; the sets are still to come. */
export interface StudyPlan {
  readonly name: string;
  readonly directory: string;
  readonly replicates: number;
  readonly quorum: number;
  readonly seed: number;
  readonly openReplicates: number;
  readonly simulate: AnyTask | ProgramModel;
  readonly targets: readonly Target[];
  /** Whether `aggregate` was one task and not several by name. */
  readonly isSingle: boolean;
  readonly replicateOptions: MapOptions;
  readonly aggregateOptions: MapOptions;
  /** Absolute; "" for none. */
  readonly file: string;
}

/** The name of the only target. */
export const singleTarget = "value";

/** Where studies are kept unless somebody says otherwise. */
export const defaultStudiesDirectory = ".capstan/studies";

const optionNames = [
  ...(["name", "parameterSets", "replicates", "simulate", "aggregate", "quorum", "seed"] as const),
  ...(["directory", "openReplicates", "replicateOptions", "aggregateOptions", "file"] as const),
] as const;

/** Checks the options of a study. Throws INVALID_ARGUMENT, which names the one that is wrong. */
export function parseStudyOptions(options: StudyOptions<never, never, unknown>): StudyPlan {
  const fields = parseFields("study", options, optionNames);
  const { simulate, aggregate, replicateOptions = {}, aggregateOptions = {} } = options;
  const replicates = wholeNumber("replicates", fields.replicates, 1, replicatesMax);
  const { directory = defaultStudiesDirectory, file } = fields;
  const base = resolve(checkPath("directory", directory));
  const name = checkStudyName(fields.name);
  return {
    name,
    directory: resolve(base, name),
    replicates,
    quorum: wholeNumber("quorum", fields.quorum ?? replicates, 1, replicates),
    seed: wholeNumber("seed", fields.seed ?? 0, -Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER),
    openReplicates: wholeNumber(
      ...(["openReplicates", fields.openReplicates ?? openReplicatesDefault, 1, 1e6] as const),
    ),
    simulate: parseSimulate(simulate),
    targets: parseTargets(aggregate),
    isSingle: isTask(aggregate),
    ...{ replicateOptions, aggregateOptions },
    file: file === undefined ? "" : resolve(checkPath("file", file)),
  };
}

/** Throws INVALID_ARGUMENT for what is no path. */
export function checkPath(field: string, value: unknown): string {
  if (typeof value === "string" && value !== "") return value;
  throw invalidArgument(field, value, "a path");
}

/** Throws INVALID_ARGUMENT for what cannot name a directory on every machine. */
export function checkStudyName(name: unknown): string {
  if (typeof name === "string" && /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(name)) return name;
  throw invalidArgument("name", name, "1 to 100 letters, digits, dots, dashes and underscores");
}

export function isTask(value: unknown): value is AnyTask {
  return typeof value === "function" && taskSymbol in value;
}

function parseSimulate(simulate: unknown): AnyTask | ProgramModel {
  if (isTask(simulate)) return simulate;
  if (typeof simulate === "object" && simulate !== null && "command" in simulate) {
    parseFields("simulate", simulate, ["command", "workspace", "env"]);
    return simulate as ProgramModel; // Its fields are checked where the command is made.
  }
  const wanted = "a task (defineTask), or { command } for a program";
  throw new CapstanError("INVALID_ARGUMENT", `simulate: expected ${wanted}`);
}

function parseTargets(aggregate: unknown): readonly Target[] {
  if (isTask(aggregate)) return [{ name: singleTarget, task: aggregate }];
  const entries = typeof aggregate === "object" ? Object.entries(aggregate ?? {}) : [];
  const targets = entries.map(([name, task]) => {
    if (isTask(task)) return { name, task };
    throw new CapstanError("INVALID_ARGUMENT", `aggregate.${name}: expected a task (defineTask)`);
  });
  if (targets.length > 0) return targets;
  throw new CapstanError(
    "INVALID_ARGUMENT",
    "aggregate: expected a task of (values, parameters), a reduction, or several by name",
  );
}

function wholeNumber(name: string, value: unknown, min: number, max: number): number {
  if (Number.isSafeInteger(value) && Number(value) >= min && Number(value) <= max) {
    return Number(value);
  }
  throw invalidArgument(name, value, `a whole number from ${min} to ${max}`);
}
