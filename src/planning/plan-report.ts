/**
 * What a plan shows: use of each resource over time, waits, slowdowns, fragmentation.
 *
 * *Fragmentation* here is the part of the devices (of the CPUs where there are no devices) that is
 * free while tasks wait: what they could use would not be free, so this is in pieces too small for
 * them, of the wrong kind, or kept for one of them.
 *
 * @module
 */

import type { Micros } from "../base/time.ts";
import type { Resources } from "../model/resources.ts";
import type { PlanRun } from "./run-plan.ts";
import type { PlannedCluster, PlannedTask, Workload } from "./workload.ts";

/** A value at points in time, each holding until the next. */
export interface Series {
  readonly name: string;
  /** One value for each step of time; of 0 to 1 for shares. */
  readonly values: readonly number[];
}

export interface Distribution {
  readonly mean: number;
  readonly median: number;
  readonly p95: number;
  readonly max: number;
}

export interface PlanReport {
  readonly cluster: string;
  readonly tasks: number;
  readonly placed: number;
  readonly unplaced: number;
  readonly timedOut: number;
  readonly makespanS: number;
  readonly waitS: Distribution;
  /** (wait + run) / run, a run shorter than 10 s counting as 10 s, and at least 1. */
  readonly boundedSlowdown: Distribution;
  /** Mean use from the first submission to the last end, by resource: 0 to 1. */
  readonly utilisation: { readonly [resource: string]: number };
  readonly fragmentation: number;
  /** Length of a step of the series, seconds. */
  readonly stepS: number;
  readonly series: readonly Series[];
  /** Tasks that wait, over time. */
  readonly waiting: Series;
}

/** Steps of time that a series has. */
const seriesSteps = 240;

export function reportOn(workload: Workload, cluster: PlannedCluster, run: PlanRun): PlanReport {
  const { tasks } = workload;
  const { outcomes, unplaced, makespanUs } = run;
  const started = [...tasks.keys()].filter((index) => outcomes[index].startedAt >= 0);
  const waits = started.map((index) => (outcomes[index].startedAt - tasks[index].submitUs) / 1e6);
  const slowdowns = started.map((index, at) => {
    const runS = Math.max(10, Math.min(tasks[index].runUs, 1e15) / 1e6);
    return Math.max(1, (waits[at] + Math.min(tasks[index].runUs, 1e15) / 1e6) / runS);
  });
  const endUs = endOf(tasks, makespanUs);
  const totals = amountsOf(totalOf(cluster));
  const waiting = waitingOf(workload, run, endUs);
  const series = seriesOf(workload, run, { totals, endUs });
  return {
    cluster: cluster.name,
    tasks: tasks.length,
    placed: started.length,
    unplaced: unplaced.length,
    timedOut: tasks.filter(({ runUs, limitUs }) => limitUs > 0 && runUs > limitUs).length,
    makespanS: makespanUs / 1e6,
    waitS: distributionOf(waits),
    boundedSlowdown: distributionOf(slowdowns),
    utilisation: Object.fromEntries(series.map(({ name, values }) => [name, meanOf(values)])),
    fragmentation: freeWhileWaiting(series, waiting.values),
    stepS: endUs / 1e6 / seriesSteps,
    series,
    waiting,
  };
}

function endOf(tasks: readonly PlannedTask[], makespanUs: Micros): Micros {
  const last = tasks.reduce((latest, { submitUs }) => Math.max(latest, submitUs), 0);
  return Math.max(makespanUs, last, 1);
}

/** All machines together. */
function totalOf({ machines }: PlannedCluster): Map<string, number> {
  const total = new Map<string, number>();
  for (const { count, capacity } of machines) {
    for (const [name, amount] of amountsOf(namedAmounts(capacity))) {
      total.set(name, (total.get(name) ?? 0) + amount * count);
    }
  }
  return total;
}

function amountsOf(amounts: Map<string, number>): Map<string, number> {
  return new Map([...amounts].filter(([, amount]) => amount > 0));
}

/** CPU, memory, disk, and each kind of device, in units of their own. */
function namedAmounts({
  cpuMilli,
  memoryBytes,
  diskBytes,
  devices,
}: Resources): Map<string, number> {
  const amounts = new Map([
    ["cpu", cpuMilli],
    ["memory", memoryBytes],
    ["disk", diskBytes],
  ]);
  for (const { kind, countMilli } of devices) {
    amounts.set(kind, (amounts.get(kind) ?? 0) + countMilli);
  }
  return amounts;
}

function seriesOf(
  { tasks }: Workload,
  { outcomes }: PlanRun,
  { totals, endUs }: { totals: Map<string, number>; endUs: Micros },
): Series[] {
  const busy = new Map([...totals.keys()].map((name) => [name, new Float64Array(seriesSteps)]));
  for (const [index, { resources }] of tasks.entries()) {
    const { startedAt, endedAt } = outcomes[index];
    if (startedAt < 0) continue;
    const until = endedAt < 0 ? endUs : endedAt;
    for (const [name, amount] of namedAmounts(resources)) {
      const values = busy.get(name);
      if (amount > 0 && values !== undefined) spread(values, startedAt, until, amount, endUs);
    }
  }
  return [...busy].map(([name, values]) => {
    const total = totals.get(name) ?? 1;
    return { name, values: Array.from(values, (value) => value / total) };
  });
}

function waitingOf({ tasks }: Workload, { outcomes }: PlanRun, endUs: Micros): Series {
  const values = new Float64Array(seriesSteps);
  for (const [index, { submitUs }] of tasks.entries()) {
    const { startedAt } = outcomes[index];
    spread(values, submitUs, startedAt < 0 ? endUs : startedAt, 1, endUs);
  }
  return { name: "waiting", values: Array.from(values) };
}

/** Adds `amount` to every step between two times, in part where a step is met in part. */
function spread(
  values: Float64Array,
  from: Micros,
  until: Micros,
  amount: number,
  endUs: Micros,
): void {
  const begin = (from / endUs) * values.length;
  const end = (until / endUs) * values.length;
  for (let step = Math.floor(begin); step < Math.min(end, values.length); step++) {
    values[step] += amount * (Math.min(end, step + 1) - Math.max(begin, step));
  }
}

function freeWhileWaiting(series: readonly Series[], waiting: readonly number[]): number {
  const devices = series.find(({ name }) => !["cpu", "memory", "disk"].includes(name));
  const main = devices ?? series.find(({ name }) => name === "cpu");
  const free = (main?.values ?? [])
    .filter((_use, step) => waiting[step] >= 1)
    .map((use) => 1 - use);
  return meanOf(free);
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}

function distributionOf(values: readonly number[]): Distribution {
  if (values.length === 0) return { mean: 0, median: 0, p95: 0, max: 0 };
  const sorted = Float64Array.from(values).sort((a, b) => a - b);
  const at = (part: number) => sorted[Math.floor(part * (sorted.length - 1))];
  return { mean: meanOf(values), median: at(0.5), p95: at(0.95), max: at(1) };
}
