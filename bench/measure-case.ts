/**
 * Runs a case and sums up what its runs gave.
 *
 * @module
 */

import type { BenchCase, CaseResult } from "./cases.ts";
import { median, usageOf } from "./measure.ts";

/** One run to warm up, then `runCount` that count. */
export async function measureCase(
  { name, unit, prepare }: BenchCase,
  runCount: number,
): Promise<CaseResult> {
  const prepared = await prepare();
  try {
    await prepared.run();
    const before = usageOf(prepared.pids);
    const runs: number[] = [];
    for (let i = 0; i < runCount; i++) {
      globalThis.gc?.();
      runs.push(await prepared.run());
    }
    const after = usageOf(prepared.pids);
    return {
      name,
      unit,
      ...spreadOf(runs),
      cpuSeconds: (after.cpuSeconds - before.cpuSeconds) / runCount,
      peakRssBytes: after.peakRssBytes,
      details: prepared.details?.() ?? {},
    };
  } finally {
    await prepared.close();
  }
}

/** The runs, and the three numbers of them that the tables have. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly runs: readonly number[];
}

export function spreadOf(runs: readonly number[]): Spread {
  return { median: median(runs), min: Math.min(...runs), max: Math.max(...runs), runs };
}
