/**
 * Simulated clusters, many seeds of them:
 *
 *     npm run sim -- --seeds 1000             seeds 1 to 1000, each with faults of its own
 *     npm run sim -- --seed 17                one seed
 *     npm run sim -- --seeds 50 --calm        no faults
 *     npm run sim -- --seed 17 --actions 200  a longer workload; default 60
 *
 * Prints what was run and, for each seed that failed, why and the one command that replays it.
 * Exits with 1 if one failed.
 *
 * @module
 */

import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { type RunReport, SimulatedCluster } from "../src/simulator/cluster.ts";
import { noFaults } from "../src/simulator/faults.ts";

/** One run: a function of these three and of the code, of nothing else. */
export interface SeedOptions {
  readonly seed: number;
  /** Without faults. */
  readonly calm: boolean;
  /** Steps of the workload. */
  readonly actionCount: number;
}

export interface SeedReport extends RunReport {
  /** Executions that had to be done again. */
  readonly recomputed: number;
}

/** Runs one seed to its end; what goes wrong is an error that says how to see it again. */
export function runSeed({ seed, calm, actionCount }: SeedOptions): SeedReport {
  try {
    if (!(actionCount >= 0)) throw new RangeError(`actions: ${actionCount} is not a count`);
    const cluster = new SimulatedCluster(calm ? { seed, faults: { ...noFaults } } : { seed });
    const report = cluster.run(actionCount);
    return { ...report, recomputed: cluster.state.recomputedCount };
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    const replay = `npm run sim -- --seed ${seed} --actions ${actionCount}${calm ? " --calm" : ""}`;
    throw new Error(`seed ${seed}: ${message}\n  replay: ${replay}`, { cause });
  }
}

function countOf(name: string, text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  const count = Number(text);
  if (text !== "" && Number.isSafeInteger(count) && count >= 0) return count;
  console.error(`--${name}: expected a whole number, not ${JSON.stringify(text)}`);
  process.exit(2);
}

function parseFlags(): { seeds: readonly number[]; calm: boolean; actionCount: number } {
  const { values } = parseArgs({
    options: {
      seeds: { type: "string" },
      seed: { type: "string" },
      actions: { type: "string" },
      calm: { type: "boolean", default: false },
    },
  });
  const seedCount = countOf("seeds", values.seeds, 100);
  const first = countOf("seed", values.seed, 1);
  const isOne = values.seed !== undefined && values.seeds === undefined;
  const seeds = Array.from({ length: isOne ? 1 : seedCount }, (_unused, i) => first + i);
  return { seeds, calm: values.calm, actionCount: countOf("actions", values.actions, 60) };
}

function main(): void {
  const { seeds, calm, actionCount } = parseFlags();
  const startedAt = performance.now();
  const totals = { events: 0, executions: 0, faultsInjected: 0, failed: 0 };
  for (const seed of seeds) {
    try {
      const report = runSeed({ seed, calm, actionCount });
      totals.events += report.events;
      totals.executions += report.executions;
      totals.faultsInjected += report.faultsInjected;
    } catch (error) {
      totals.failed++;
      console.error(error instanceof Error ? error.message : String(error));
    }
  }
  const seconds = (performance.now() - startedAt) / 1000;
  console.log(
    `${seeds.length} seeds, ${totals.events} events, ${totals.executions} executions, ` +
      `${totals.faultsInjected} faults, ${totals.failed} failed, ${seconds.toFixed(1)} s, ` +
      `${Math.round(totals.events / seconds)} events/s`,
  );
  if (totals.failed > 0) process.exitCode = 1;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) main();
