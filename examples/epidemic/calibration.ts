/**
 * The calibration itself: every simulation of every parameter set as a task, and for each set one
 * task that takes all of its simulations as arguments.
 *
 * @module
 */

import { asCompleted, type Client, type Future } from "capstan";
import { type Curve, score, simulate, type Verdict } from "./model.ts";
import { parameterSets, seedOf } from "./parameter-sets.ts";
import type { Ranked } from "./ranking.ts";

/** How far the calibration is. */
export interface Tally {
  readonly simulationsTotal: number;
  readonly aggregationsTotal: number;
  readonly simulationsDone: number;
  readonly aggregationsDone: number;
  readonly failed: number;
  /** The first thing that went wrong, or "". */
  readonly firstError: string;
}

/** What came of it: a parameter set whose aggregation failed is missing from `results`. */
export interface Calibration {
  readonly tally: Tally;
  readonly results: readonly Ranked[];
  /** From the first submit to the last result. */
  readonly seconds: number;
  /** Lets go of all values. Until then the controller remembers every task. */
  readonly release: () => void;
}

/** What to calibrate, and who is told after each task that ended. */
export interface CalibrationPlan {
  readonly sets: number;
  readonly replicates: number;
  readonly onProgress: (tally: Tally) => void;
}

/** Submits everything at once and waits for everything. Failed tasks are counted, not thrown. */
export async function calibrate(client: Client, plan: CalibrationPlan): Promise<Calibration> {
  const startedAt = performance.now();
  const sets = parameterSets(plan.sets);
  const replicates = Array.from({ length: plan.replicates }, (_unused, index) => index);
  const simulations: Future<Curve>[] = [];
  const verdicts = sets.map(({ parameters }) => {
    const seeds = replicates.map((replicate) => seedOf(parameters, replicate));
    const curves = client.map(
      simulate,
      seeds.map((seed) => [parameters, seed] as const),
    );
    simulations.push(...curves);
    return client.submit(score, curves);
  });
  const tally = await countOutcomes(simulations, verdicts, plan.onProgress);
  const results: Ranked[] = [];
  for (const [index, verdict] of verdicts.entries()) {
    if (verdict.status !== "succeeded") continue;
    results.push({ set: sets[index], verdict: await verdict.result() });
  }
  const seconds = (performance.now() - startedAt) / 1_000;
  const release = () => {
    for (const future of [...simulations, ...verdicts]) future.release();
  };
  return { tally, results, seconds, release };
}

async function countOutcomes(
  simulations: readonly Future<Curve>[],
  verdicts: readonly Future<Verdict>[],
  onProgress: (tally: Tally) => void,
): Promise<Tally> {
  const aggregations = new Set<Future<Curve | Verdict>>(verdicts);
  const tally = {
    ...{ simulationsTotal: simulations.length, aggregationsTotal: verdicts.length },
    ...{ simulationsDone: 0, aggregationsDone: 0, failed: 0, firstError: "" },
  };
  for await (const future of asCompleted<Curve | Verdict>([...simulations, ...verdicts])) {
    if (future.status !== "succeeded") {
      tally.failed++;
      if (tally.firstError === "") tally.firstError = String(await future.exception());
    } else if (aggregations.has(future)) tally.aggregationsDone++;
    else tally.simulationsDone++;
    onProgress(tally);
  }
  return tally;
}
