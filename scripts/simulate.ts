/**
 * Simulated clusters, many seeds of them:
 *
 *     npm run sim -- --seeds 1000              seeds 1 to 1000, each with faults of its own
 *     npm run sim -- --minutes 10              as many as there is time for, from --seed on
 *     npm run sim -- --seed 17                 one seed
 *     npm run sim -- --seed 17 --shrink        made as small as it still fails, and its last events
 *     npm run sim -- --recipe FILE             what was made small again: the line that --shrink
 *                                              prints, in a file
 *     npm run sim -- --seeds 50 --profile calm of one kind: calm, network, crash, gangs, graphs,
 *                                              storm, slow; default swarm: any
 *     npm run sim -- --judge watchdog          judged not by the rules but by a watchdog that must
 *                                              find nothing to do; or by --judge reasons: why a
 *                                              task waits is made false, and then it moves
 *     npm run sim -- --seed 17 --actions 200   a longer workload; default 60
 *     npm run sim -- --calm                    the same as --profile calm
 *     npm run sim -- --seeds 900 --jobs 2      processes; default: one for each core
 *     npm run sim -- --seeds 900 --json        one line of JSON instead of the report
 *     npm run sim -- --seeds 900 --unchecked   without the invariants: what the simulator costs
 *
 * Prints what was run, faults by kind, rare states that were not reached and, for each seed that
 * failed, why and the one command that replays it. Exits with 1 if one failed.
 *
 * @module
 */

import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fileURLToPath, pathToFileURL } from "node:url";
import { type Profile, profiles } from "../src/simulator/profiles.ts";
import { endOfRun, failureOfRun, type RunRecipe, Shrinker } from "../src/simulator/shrink.ts";
import { countOption, readOptions, refuse } from "./options.ts";
import { type PoolOptions, runBatch, runPool, serveBatches } from "./simulation/pool.ts";
import { type Judge, judges } from "./simulation/run-seed.ts";
import { type FailedSeed, printSummary, summaryOf, type Totals } from "./simulation/totals.ts";

export { runSeed, type SeedOptions, type SeedReport } from "./simulation/run-seed.ts";

/** Runs that a shrinker may make. */
const shrinkTriesMax = 2_000;

/** Seeds of a run without `--seeds` and `--minutes`. */
const defaultSeedCount = 100;

/** All steps of a workload are drawn before it begins. */
const actionsMax = 1_000_000;
const jobsMax = 256;

/** When nobody says otherwise, a run ends after so many failures. */
const failuresMax = 20;

interface Flags {
  readonly firstSeed: number;
  readonly seedCount: number;
  readonly minutes: number;
  readonly actionCount: number;
  readonly profile: Profile;
  readonly jobs: number;
  readonly isJson: boolean;
  readonly shrink: boolean;
  readonly checks: boolean;
  readonly judge: Judge;
  /** A file; "" for none. */
  readonly recipe: string;
}

function parseFlags(): Flags {
  const text = { type: "string" } as const;
  const flag = { type: "boolean", default: false } as const;
  const { values } = readOptions(import.meta.url, {
    options: {
      ...{ seeds: text, seed: text, minutes: text, actions: text, profile: text, jobs: text },
      ...{ calm: flag, json: flag, shrink: flag, unchecked: flag, judge: text, recipe: text },
    },
  });
  const profile = values.calm ? "calm" : (values.profile ?? "swarm");
  if (!(profiles as readonly string[]).includes(profile))
    refuse(`--profile: expected one of ${profiles.join(", ")}, not ${JSON.stringify(profile)}`);
  const isOne =
    values.seed !== undefined && [values.seeds, values.minutes].every((one) => one === undefined);
  const judge = values.judge ?? "rules";
  if (!(judges as readonly string[]).includes(judge))
    refuse(`--judge: expected one of ${judges.join(", ")}, not ${JSON.stringify(judge)}`);
  if (values.calm && values.profile !== undefined) refuse("--calm is --profile calm: give one");
  if (values.shrink && !isOne) refuse("--shrink: one seed is made small; give it as --seed");
  if (values.shrink && judge !== "rules")
    refuse("--shrink: only what the rules find is made small");
  const minutes = countOption("minutes", values.minutes, { least: 1, otherwise: 0 });
  const many = minutes > 0 ? Number.MAX_SAFE_INTEGER : isOne ? 1 : defaultSeedCount;
  return {
    firstSeed: countOption("seed", values.seed, { least: 0, otherwise: 1 }),
    seedCount: countOption("seeds", values.seeds, { least: 1, otherwise: many }),
    minutes,
    actionCount: countOption("actions", values.actions, {
      least: 0,
      otherwise: 60,
      most: actionsMax,
    }),
    profile: profile as Profile,
    jobs: countOption("jobs", values.jobs, {
      ...{ least: 1, otherwise: availableParallelism(), most: jobsMax },
    }),
    isJson: values.json,
    shrink: values.shrink,
    checks: !values.unchecked,
    judge: judge as Judge,
    recipe: values.recipe ?? "",
  };
}

/** Makes a failing seed small, and prints what is left of it. */
function shrinkSeed({ firstSeed: seed, profile, actionCount }: Flags): void {
  const recipe: RunRecipe = { seed, profile, actionCount, without: [], skip: [], zeroed: [] };
  const failure = failureOfRun(recipe);
  if (failure === null) {
    console.log(`seed ${seed} does not fail: there is nothing to shrink`);
    return;
  }
  const shrunk = new Shrinker(recipe, { failure, triesMax: shrinkTriesMax }).shrink();
  const { skip, without, zeroed, ...rest } = shrunk.recipe;
  const steps = rest.actionCount - skip.filter((step) => step < rest.actionCount).length;
  console.log(shrunk.failure.message);
  console.log(`\n${steps} of ${actionCount} steps are left after ${shrunk.tries} runs:`);
  console.log(`  ${JSON.stringify({ ...rest, skip, without, zeroed })}`);
  tellEnd(shrunk.lines);
}

function tellEnd(lines: readonly string[]): void {
  console.log("\nhow it ends:");
  for (const line of lines) console.log(line);
  process.exitCode = 1;
}

/** Plays what a shrinker has left once more. */
function playRecipe(file: string): void {
  let recipe: RunRecipe;
  try {
    recipe = JSON.parse(readFileSync(file, "utf8")) as RunRecipe;
  } catch (error) {
    return refuse(`--recipe: ${(error as Error).message}`);
  }
  const isRecipe = ["seed", "profile", "actionCount", "without", "skip", "zeroed"].every(
    (field) => field in recipe,
  );
  if (!isRecipe) refuse(`--recipe: ${file} is not the line of JSON that --shrink prints`);
  const failure = failureOfRun(recipe);
  if (failure === null) return console.log("it does not fail");
  console.log(failure.message);
  tellEnd(endOfRun(recipe));
}

function tellFailure({ seed, reason, replay }: FailedSeed): void {
  console.error(`\nseed ${seed}: ${reason}\n  replay: ${replay}\n  shrink: ${replay} --shrink`);
}

/** Tells each failure as soon as it is known: whoever runs an hour need not wait for its end. */
function progressLine(startedAt: number): (totals: Totals) => void {
  let told = 0;
  return ({ seeds, events, failures }) => {
    for (; told < failures.length; told++) tellFailure(failures[told]);
    if (!process.stderr.isTTY) return;
    const seconds = (performance.now() - startedAt) / 1000;
    const speed = Math.round(events / seconds);
    const text = `${seeds} seeds, ${events} events, ${speed} events/s, ${failures.length} failed`;
    process.stderr.write(`\r${text.padEnd(72)}`);
  };
}

async function runMany(flags: Flags): Promise<Totals> {
  const { firstSeed, seedCount, minutes, profile, actionCount, checks, judge } = flags;
  if (seedCount === 1) {
    const one = runBatch({ first: firstSeed, count: 1, profile, actionCount, checks, judge });
    one.failures.forEach(tellFailure);
    return one;
  }
  const onProgress = progressLine(performance.now());
  const options: PoolOptions = {
    ...{
      firstSeed,
      profile,
      actionCount,
      checks,
      judge,
      failuresMax,
      jobs: flags.jobs,
      onProgress,
    },
    endSeed: Math.min(Number.MAX_SAFE_INTEGER, firstSeed + seedCount),
    deadlineMs: minutes > 0 ? Date.now() + minutes * 60_000 : Number.POSITIVE_INFINITY,
    script: fileURLToPath(import.meta.url),
  };
  const totals = await runPool(options);
  if (process.stderr.isTTY) process.stderr.write("\n");
  return totals;
}

async function main(): Promise<void> {
  const flags = parseFlags();
  if (flags.recipe !== "") return playRecipe(flags.recipe);
  if (flags.shrink) return shrinkSeed(flags);
  const startedAt = performance.now();
  const totals = await runMany(flags);
  const seconds = (performance.now() - startedAt) / 1000;
  const summary = summaryOf(totals, seconds, flags.seedCount === 1 ? 1 : flags.jobs);
  if (flags.isJson) console.log(JSON.stringify(summary));
  else printSummary(summary, flags.seedCount > 1);
  if (totals.failures.length > 0) process.exitCode = 1;
}

if (process.argv[2] === "--serve") serveBatches();
else if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) await main();
