/**
 * One seed of the simulator, and the command that replays it.
 *
 * @module
 */

import {
  type ClusterOptions,
  type RunReport,
  SimulatedCluster,
} from "../../src/simulator/cluster.ts";
import { Coverage } from "../../src/simulator/coverage.ts";
import type { Profile } from "../../src/simulator/profiles.ts";

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
  const { seed, actionCount, checks = true, states } = options;
  const profile = profileOf(options);
  const observers = states === undefined ? [] : [new Coverage(states)];
  const cluster = new SimulatedCluster({
    seed,
    profile,
    checks,
    observers,
  } satisfies ClusterOptions);
  const report = cluster.run(actionCount);
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
  return `npm run sim -- --seed ${options.seed} --actions ${options.actionCount}${kind}`;
}
