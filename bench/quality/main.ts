/**
 * `npm run bench quality`: how good the decisions are, on real workloads, beside published results.
 * `--short`: fewer seeds, for every change. Exit code 1 when a goal is missed or a golden result
 * moved; `--update` writes the golden results anew.
 *
 * @module
 */

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { median } from "../measure.ts";
import { whyNoData } from "./data.ts";
import { isReached, runEstee, runWorkflows } from "./graphs.ts";
import { readKth, runKth } from "./kth.ts";
import { readNodes, readPods, runOpenb } from "./openb.ts";

/** One line of the table. */
interface Result {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly goal: string;
  readonly isMet: boolean;
  /** How far it may move from its golden result, as a part of it; 0: it has none. */
  readonly tolerance: number;
}

const seeds = [42, 43, 44, 45, 46, 47, 48, 49, 50, 51];
const goldenFile = join(import.meta.dirname, "golden.json");

/** Published means of Best-fit at 130 % demand, of the traces that are there. */
const bestFit: { readonly [trace: string]: number } = {
  default: 93.08,
  cpu100: 93.44,
  gpuspec33: 93.09,
  multigpu50: 95.74,
};

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function* openbResults(isShort: boolean): Generator<Result> {
  const nodes = readNodes();
  const rates: number[] = [];
  for (const [trace, floor] of Object.entries(bestFit)) {
    const pods = readPods(trace);
    const runs = seeds.slice(0, isShort ? 3 : seeds.length).map((seed) => {
      return runOpenb(nodes, pods, seed);
    });
    if (trace === "default") rates.push(...runs.map((run) => run.placementsPerSecond));
    const value = mean(runs.map(({ at130 }) => at130));
    const goal = trace === "default" ? 95.3 : floor - 0.2;
    yield {
      ...{ name: `openb ${trace}: GPUs allocated at 130 % demand`, value, unit: "%" },
      ...{ goal: `>= ${goal.toFixed(2)}`, isMet: value >= goal, tolerance: 0.001 },
    };
  }
  const value = median(rates);
  yield {
    ...{ name: "openb default: placements, 1,213 nodes", value, unit: "/CPU s" },
    ...{ goal: ">= 20000", isMet: value >= 20_000, tolerance: 0 },
  };
}

function* kthResults(): Generator<Result> {
  const log = readKth();
  const fifo = runKth(log, "fifo");
  const name = (policy: string, what: string) => `KTH-SP2 ${policy}: ${what}`;
  yield {
    ...{ name: name("fifo", "average bounded slowdown"), value: fifo.averageBoundedSlowdown },
    ...{ unit: "", goal: "92.58 +- 0.15", tolerance: 0.002 },
    isMet: Math.abs(fifo.averageBoundedSlowdown - 92.58) <= 0.15,
  };
  for (const policy of ["fair", "slowdown"] as const) {
    const { averageBoundedSlowdown, maxWaitS } = runKth(log, policy);
    yield {
      ...{ name: name(policy, "average bounded slowdown"), unit: "", goal: "< 69.4" },
      ...{ value: averageBoundedSlowdown, tolerance: 0.002, isMet: averageBoundedSlowdown < 69.4 },
    };
    yield {
      ...{ name: name(policy, "longest wait"), unit: "s", goal: `<= ${easyMaxWaitS}` },
      ...{ value: maxWaitS, tolerance: 0.002, isMet: maxWaitS <= easyMaxWaitS },
    };
  }
}

const easyMaxWaitS = 262_194;

function* graphResults(): Generator<Result> {
  const sets = {
    "wf_stats: graphs within 3 % of HEFT": runWorkflows(),
    "estee: graphs not above b-level and FIFO": runEstee(),
  };
  for (const [name, runs] of Object.entries(sets)) {
    const reached = runs.filter(({ makespanS, goalS }) => isReached(makespanS, goalS));
    for (const { graph, cluster, makespanS, goalS } of runs) {
      if (isReached(makespanS, goalS)) continue;
      process.stderr.write(`${graph} on ${cluster}: ${makespanS} s, the goal is ${goalS} s\n`);
    }
    yield {
      ...{ name, value: reached.length, unit: `of ${runs.length}`, goal: `${runs.length}` },
      ...{ isMet: reached.length === runs.length, tolerance: 0 },
    };
    const total = runs.reduce((sum, { makespanS }) => sum + makespanS, 0);
    const what = `${name.split(":")[0]}: all makespans`;
    yield { name: what, value: total, unit: "s", goal: "", isMet: true, tolerance: 0.01 };
  }
}

/** The exit code. */
export function measureQuality(options: {
  readonly isShort: boolean;
  readonly isUpdate: boolean;
}): number {
  const why = whyNoData();
  if (why !== "") {
    process.stdout.write(`quality: skipped: ${why}\n`);
    return 0;
  }
  const mode = options.isShort ? "short" : "full";
  const golden = readGolden();
  const known = golden[mode] ?? {};
  const found: { [name: string]: number } = {};
  let isGood = true;
  for (const results of [openbResults(options.isShort), kthResults(), graphResults()]) {
    for (const result of results) {
      found[result.name] = Number(result.value.toFixed(4));
      const moved = hasMoved(result, known[result.name]);
      if (!options.isUpdate && (!result.isMet || moved !== "")) isGood = false;
      process.stdout.write(`${lineOf(result)}${moved}\n`);
    }
  }
  if (options.isUpdate) {
    writeFileSync(goldenFile, `${JSON.stringify({ ...golden, [mode]: found }, null, 2)}\n`);
  }
  return isGood ? 0 : 1;
}

function readGolden(): { [mode: string]: { [name: string]: number } } {
  return existsSync(goldenFile) ? JSON.parse(readFileSync(goldenFile, "utf8")) : {};
}

function hasMoved({ value, tolerance }: Result, before: number | undefined): string {
  if (before === undefined || tolerance === 0) return "";
  return Math.abs(value - before) <= before * tolerance ? "" : `  it was ${before}`;
}

function lineOf({ name, value, unit, goal, isMet }: Result): string {
  const amount = `${Number(value.toFixed(2))} ${unit}`;
  const verdict = goal === "" ? "" : isMet ? "met" : "MISSED";
  return `${name.padEnd(48)} ${amount.padStart(14)}   ${goal.padEnd(14)} ${verdict}`.trimEnd();
}
