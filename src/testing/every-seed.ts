/**
 * A program over many seeds: what one seed does not break, another may.
 *
 * @module
 */

import {
  invalidArgument,
  parseFields,
  parseFunction,
  parseInteger,
} from "../model/parse-fields.ts";
import { optionNamesBesideSeed, parseSimulateOptions, type SimulateOptions } from "./options.ts";
import { VirtualCluster } from "./virtual-cluster.ts";

/** Which seeds, and the cluster of each: `faults` are `"swarm"` unless they are named. */
export interface SeedsOptions extends Omit<SimulateOptions, "seed"> {
  /** How many. Default 100. */
  readonly seeds?: number | undefined;
  /** The first of them. Default 1. */
  readonly first?: number | undefined;
}

/** The program failed with a seed; `cause` is what it threw. */
export class SeedError extends Error {
  override readonly name = "SeedError";
  readonly seed: number;
  readonly #trace: string;

  constructor(seed: number, cause: unknown, trace: string) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const last = trace.split("\n").slice(-shownLines).join("\n");
    const replay = `run it alone with ${seedVariable}=${seed}`;
    super(`seed ${seed} fails (${replay}): ${reason}\nlast in its trace:\n${last}`, { cause });
    this.seed = seed;
    this.#trace = trace;
  }

  /** What had happened in the cluster, as text. Not printed: the message has its end. */
  get trace(): string {
    return this.#trace;
  }
}

/** With this variable of the environment only the seed that it names is run. */
const seedVariable = "CAPSTAN_SEED";

/** Lines of the trace that the message of a `SeedError` shows. */
const shownLines = 15;

/**
 * Runs a program on one simulated cluster after the other, each with a seed of its own:
 *
 *     await everySeed({ seeds: 200, workers: 3 }, async (cluster) => { … });
 *
 * The first that throws ends it: rejects with a `SeedError` that names the seed. With
 * `CAPSTAN_SEED=17` in the environment only that seed is run. Rejects with INVALID_ARGUMENT or
 * INVALID_SPEC naming the option.
 */
export async function everySeed(
  options: SeedsOptions,
  program: (cluster: VirtualCluster, seed: number) => Promise<unknown>,
): Promise<void> {
  const fields = parseFields("", options, ["seeds", "first", ...optionNamesBesideSeed]);
  const { seeds = 100, first = 1, faults = "swarm", ...rest } = fields;
  parseFunction("program", program);
  const count = parseInteger("seeds", seeds, 1, 1_000_000);
  const from = parseInteger("first", first, 0, Number.MAX_SAFE_INTEGER - count);
  for (const seed of chosenSeeds(from, count)) {
    const settings = parseSimulateOptions({ ...rest, faults, seed });
    await using cluster = new VirtualCluster(settings);
    try {
      await program(cluster, seed);
    } catch (error) {
      throw new SeedError(seed, error, cluster.traceText());
    }
  }
}

function chosenSeeds(first: number, count: number): readonly number[] {
  const named = process.env[seedVariable] ?? "";
  if (named === "") return Array.from({ length: count }, (_, index) => first + index);
  const seed = Number(named);
  if (/^\d+$/.test(named) && Number.isSafeInteger(seed)) return [seed];
  throw invalidArgument(seedVariable, named, "a seed: a whole number, 0 or more");
}
