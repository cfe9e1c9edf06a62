/**
 * What many seeds add up to, and how that is told.
 *
 * @module
 */

import { faultKinds } from "../../src/simulator/fault-kinds.ts";
import { rareStates } from "../../src/simulator/rare-states.ts";
import type { SeedReport } from "./run-seed.ts";

export interface FailedSeed {
  readonly seed: number;
  readonly reason: string;
  readonly replay: string;
}

/** Sums over seeds. Plain data: it travels between processes. */
export interface Totals {
  seeds: number;
  /** Steps of the controller's kernel and of the workers' kernels, together. */
  events: number;
  controllerEvents: number;
  executions: number;
  recomputed: number;
  faultsInjected: number;
  virtualSeconds: number;
  /** The sum of the hashes of all runs, as an unsigned 32-bit number. */
  traceHash: number;
  /** Of the processes that ran them. */
  cpuSeconds: number;
  readonly faults: { [kind: string]: number };
  readonly states: { [state: string]: number };
  readonly failures: FailedSeed[];
}

export function noTotals(): Totals {
  return {
    ...{ seeds: 0, events: 0, controllerEvents: 0, executions: 0, recomputed: 0 },
    ...{ faultsInjected: 0, virtualSeconds: 0, traceHash: 0, cpuSeconds: 0 },
    ...{ faults: {}, states: {}, failures: [] },
  };
}

/** What adds up over runs, and over batches of them. */
const sums = [
  ...(["events", "controllerEvents", "executions", "recomputed"] as const),
  ...(["faultsInjected", "virtualSeconds"] as const),
] as const;

export function addReport(totals: Totals, report: SeedReport): void {
  for (const name of sums) totals[name] += report[name];
  totals.traceHash = (totals.traceHash + report.traceHash) >>> 0;
  addCounts(totals.faults, report.faults);
}

export function addCounts(
  into: { [name: string]: number },
  counts: Iterable<readonly [string, number]>,
): void {
  for (const [name, count] of counts) into[name] = (into[name] ?? 0) + count;
}

export function addTotals(into: Totals, more: Totals): void {
  into.seeds += more.seeds;
  for (const name of sums) into[name] += more[name];
  into.traceHash = (into.traceHash + more.traceHash) >>> 0;
  into.cpuSeconds += more.cpuSeconds;
  addCounts(into.faults, Object.entries(more.faults));
  addCounts(into.states, Object.entries(more.states));
  into.failures.push(...more.failures);
}

/** What a report says, besides the tables. */
export function summaryOf(totals: Totals, seconds: number, jobs: number) {
  const reached = rareStates.filter((state) => (totals.states[state] ?? 0) > 0);
  const neverReached = rareStates.filter((state) => !reached.includes(state));
  return {
    ...totals,
    seconds,
    jobs,
    eventsPerSecond: Math.round(totals.events / Math.max(seconds, 0.001)),
    eventsPerCpuSecond: Math.round(totals.events / Math.max(totals.cpuSeconds, 0.001)),
    simulatedHours: totals.virtualSeconds / 3_600,
    statesReached: reached.length,
    statesKnown: rareStates.length,
    neverReached,
  };
}

export type Summary = ReturnType<typeof summaryOf>;

export function printSummary(summary: Summary, isLong: boolean): void {
  const { seeds, events, executions, faultsInjected, failures, seconds } = summary;
  console.log(
    `${seeds} seeds, ${events} events (${summary.controllerEvents} of the controller), ` +
      `${executions} executions, ${faultsInjected} faults, ${failures.length} failed, ` +
      `${summary.simulatedHours.toFixed(1)} simulated hours`,
  );
  console.log(
    `${seconds.toFixed(1)} s in ${summary.jobs} processes: ${summary.eventsPerSecond} events/s, ` +
      `${summary.eventsPerCpuSecond} per second of a core`,
  );
  if (!isLong) return;
  console.log("\nfaults by kind:");
  for (const kind of faultKinds)
    console.log(`  ${String(summary.faults[kind] ?? 0).padStart(9)}  ${kind}`);
  console.log(`\nrare states reached: ${summary.statesReached} of ${summary.statesKnown}`);
  for (const state of summary.neverReached) console.log(`  never: ${state}`);
}
