/**
 * One seed of the simulator, and the command that replays it.
 *
 * @module
 */

import { Prng } from "../../src/base/prng.ts";
import {
  type ClusterOptions,
  type RunReport,
  SimulatedCluster,
} from "../../src/simulator/cluster.ts";
import { Coverage } from "../../src/simulator/coverage.ts";
import type { Observer } from "../../src/simulator/observer.ts";
import type { Profile } from "../../src/simulator/profiles.ts";
import { ReasonChecker } from "../../src/simulator/reasons.ts";

/**
 * Who judges a run. `rules`: all invariants, after every event. `watchdog`: progress comes from
 * events alone, so a watchdog finds nothing to do. `reasons`: why a task waits is made false, and
 * then it moves or waits for something else.
 */
export const judges = ["rules", "watchdog", "reasons"] as const;

export type Judge = (typeof judges)[number];

/** One run: a function of these and of the code, of nothing else. */
export interface SeedOptions {
  readonly seed: number;
  /** Without faults: the profile `calm`. */
  readonly calm?: boolean;
  readonly profile?: Profile;
  /** Steps of the workload. */
  readonly actionCount: number;
  /** Check every invariant after every event; default true. */
  readonly checks?: boolean;
  /** Default `rules`. */
  readonly judge?: Judge;
  /** Rare states are counted here. */
  readonly states?: Map<string, number>;
}

export interface SeedReport extends RunReport {
  /** Executions that had to be done again. */
  readonly recomputed: number;
  /** Faults that were injected, by kind. */
  readonly faults: ReadonlyMap<string, number>;
}

export class SeedFailure extends Error {
  readonly seed: number;
  readonly replay: string;
  readonly reason: string;

  constructor(seed: number, replay: string, cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super(`seed ${seed}: ${reason}\n  replay: ${replay}`, { cause });
    this.name = "SeedFailure";
    this.seed = seed;
    this.replay = replay;
    this.reason = reason;
  }
}

/** Every so many seeds, one is run a second time and must do the same. */
export const repeatEvery = 100;

/** Runs one seed to its end; what goes wrong is an error that says how to see it again. */
export function runSeed(options: SeedOptions): SeedReport {
  const { seed, actionCount } = options;
  try {
    if (!(actionCount >= 0)) throw new RangeError(`actions: ${actionCount} is not a count`);
    const report = runOnce(options);
    if (seed % repeatEvery === 0) compare(report, runOnce({ ...options, states: new Map() }));
    return report;
  } catch (cause) {
    throw new SeedFailure(seed, replayOf(options), cause);
  }
}

function runOnce(options: SeedOptions): SeedReport {
  const { seed, actionCount, checks = true, judge = "rules", states } = options;
  const profile = profileOf(options);
  const observers: Observer[] = states === undefined ? [] : [new Coverage(states)];
  if (judge === "reasons") observers.push(new ReasonChecker(new Prng(seed)));
  const cluster = new SimulatedCluster({
    ...{ seed, profile, observers },
    ...{ checks: checks && judge === "rules", watchdog: judge === "watchdog" },
  } satisfies ClusterOptions);
  const report = cluster.run(actionCount);
  const { fired } = cluster.watchdog;
  if (fired.length > 0) throw new Error(`the watchdog had work to do: ${JSON.stringify(fired)}`);
  const { recomputedCount: recomputed } = cluster.state;
  return { ...report, recomputed, faults: cluster.faultCounts };
}

function compare(first: SeedReport, second: SeedReport): void {
  if (first.traceHash === second.traceHash && first.events === second.events) return;
  throw new Error(
    `the same seed did two things: ${first.events} events with hash ${first.traceHash}, ` +
      `then ${second.events} with ${second.traceHash}`,
  );
}

export function profileOf({ calm = false, profile = "swarm" }: SeedOptions): Profile {
  return calm ? "calm" : profile;
}

export function replayOf(options: SeedOptions): string {
  const profile = profileOf(options);
  const kind = profile === "swarm" ? "" : ` --profile ${profile}`;
  const { seed, actionCount, judge = "rules" } = options;
  const by = judge === "rules" ? "" : ` --judge ${judge}`;
  return `npm run sim -- --seed ${seed} --actions ${actionCount}${kind}${by}`;
}
