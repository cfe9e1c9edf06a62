/**
 * Seeds in several processes: each takes a batch, says what it adds up to, and takes the next.
 *
 * @module
 */

import { type ChildProcess, fork } from "node:child_process";
import type { Profile } from "../../src/simulator/profiles.ts";
import { type Judge, runSeed, SeedFailure, type SeedOptions } from "./run-seed.ts";
import { addCounts, addReport, addTotals, noTotals, type Totals } from "./totals.ts";

/** What every seed of a batch has in common. */
export interface BatchOptions {
  readonly profile: Profile;
  readonly actionCount: number;
  readonly checks: boolean;
  readonly judge: Judge;
}

interface Batch extends BatchOptions {
  readonly first: number;
  readonly count: number;
}

export interface PoolOptions extends BatchOptions {
  readonly firstSeed: number;
  /** No seed at or past this one. */
  readonly endSeed: number;
  /** No batch begins after this, as `Date.now()` counts. */
  readonly deadlineMs: number;
  /** Processes. */
  readonly jobs: number;
  /** No batch begins after so many seeds have failed. */
  readonly failuresMax: number;
  /** This module's own process, run again as a worker. */
  readonly script: string;
  readonly onProgress: (totals: Totals) => void;
}

const batchSize = 10;

/** Runs the seeds of one batch in this process. */
export function runBatch({ first, count, ...options }: Batch): Totals {
  const totals = noTotals();
  const states = new Map<string, number>();
  const cpuBefore = process.cpuUsage();
  for (let seed = first; seed < first + count; seed++) {
    totals.seeds++;
    runInto(totals, { ...options, seed, states });
  }
  addCounts(totals.states, states);
  const { user, system } = process.cpuUsage(cpuBefore);
  totals.cpuSeconds = (user + system) / 1_000_000;
  return totals;
}

function runInto(totals: Totals, options: SeedOptions): void {
  try {
    addReport(totals, runSeed(options));
  } catch (error) {
    if (!(error instanceof SeedFailure)) throw error;
    const { seed, reason, replay } = error;
    totals.failures.push({ seed, reason, replay });
  }
}

/** The other side of the pool: does what it is told until its parent has gone. */
export function serveBatches(): void {
  process.on("message", (batch: Batch) => process.send?.(runBatch(batch)));
  process.on("disconnect", () => process.exit());
}

/** Runs all seeds, or as many as there is time for. */
export async function runPool(options: PoolOptions): Promise<Totals> {
  const totals = noTotals();
  let next = options.firstSeed;
  const take = (): Batch | null => {
    const isOver = next >= options.endSeed || totals.failures.length >= options.failuresMax;
    if (isOver || Date.now() >= options.deadlineMs) return null;
    const count = Math.min(batchSize, options.endSeed - next);
    const { profile, actionCount, checks, judge } = options;
    const batch = { first: next, count, profile, actionCount, checks, judge };
    next += count;
    return batch;
  };
  const batches = Math.ceil((options.endSeed - options.firstSeed) / batchSize);
  const length = Math.min(options.jobs, batches);
  const processes = Array.from({ length }, () => fork(options.script, ["--serve"]));
  await Promise.all(processes.map((child) => feed(child, take, totals, options.onProgress)));
  return totals;
}

function feed(
  child: ChildProcess,
  take: () => Batch | null,
  totals: Totals,
  onProgress: (totals: Totals) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const goOn = (): void => {
      const batch = take();
      if (batch === null) child.disconnect();
      else child.send(batch);
    };
    child.on("message", (more: Totals) => {
      addTotals(totals, more);
      onProgress(totals);
      goOn();
    });
    child.on("error", reject);
    child.on("exit", (code) => {
      if (code === 0) resolve();
      else reject(new Error(`a process of the simulator ended with exit code ${code}`));
    });
    goOn();
  });
}
