/**
 * What every worker is charged against what its attempts own: the part of the audit that names
 * amounts.
 *
 * @module
 */

import type { ControllerState } from "./state.ts";

/** What a worker is charged against what its attempts own. */
export interface UsageMismatch {
  readonly workerId: string;
  readonly dimension: string;
  readonly charged: number;
  readonly recomputed: number;
  readonly reported: null;
}

/** Recomputes every worker's usage from the attempts alone. */
export function auditUsage(state: ControllerState): UsageMismatch[] {
  const { attempts } = state;
  const owed = state.workers.map((worker) => new Float64Array(worker.used.length));
  for (const row of attempts.rows()) {
    if (!attempts.isGranted(row)) continue;
    const grant = attempts.grantOf(row);
    const sum = owed[attempts.worker[row]];
    for (let i = 0; i < sum.length && i < grant.length; i++) sum[i] += grant[i];
  }
  return state.workers.flatMap(({ workerId, index, used }) =>
    [...used].flatMap((charged, i) => {
      const recomputed = owed[index][i];
      if (charged === recomputed) return [];
      const dimension = state.dimensions.names[i];
      return [{ workerId, dimension, charged, recomputed, reported: null }];
    }),
  );
}
