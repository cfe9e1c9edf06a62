/**
 * The parameter sets in the order of their fit, as a table.
 *
 * @module
 */

import type { Verdict } from "./model.ts";
import type { ParameterSet } from "./parameter-sets.ts";
import { type Screen, styleFor } from "./screen.ts";

/** A parameter set and what its simulations say. */
export interface Ranked {
  readonly set: ParameterSet;
  readonly verdict: Verdict;
}

/** Best fit first; equal ones in the order of their numbers. */
export function rank(results: readonly Ranked[]): readonly Ranked[] {
  return [...results].sort(
    (left, right) => left.verdict.loss - right.verdict.loss || left.set.number - right.set.number,
  );
}

/** The table, and under it the published fit to compare with. */
export function rankingLines(screen: Screen, ranked: readonly Ranked[]): readonly string[] {
  const { bold, dim, green } = styleFor(screen);
  const worst = Math.max(...ranked.map(({ verdict }) => verdict.loss));
  const rows = ranked.map((entry, index) => {
    const row = rowOf(entry, index + 1, worst);
    return index === 0 ? green(row) : row;
  });
  return [
    bold("rank  set   beta  gamma    R0     RMSE    peak  sims"),
    ...rows,
    dim("published deterministic fit: beta 1.67, gamma 0.44 per day, R0 3.76"),
  ];
}

/** `   1   #1   1.67   0.44  3.80   19.4 boys  day 6   200  ███` */
function rowOf({ set, verdict }: Ranked, place: number, worst: number): string {
  const { beta, gamma } = set.parameters;
  const peak = verdict.median.indexOf(Math.max(...verdict.median)) + 1;
  return [
    `${place}`.padStart(4),
    `#${set.number}`.padStart(4),
    beta.toFixed(2).padStart(6),
    gamma.toFixed(2).padStart(6),
    (beta / gamma).toFixed(2).padStart(5),
    `${verdict.loss.toFixed(1)}`.padStart(7),
    `day ${peak}`.padStart(8),
    `${verdict.replicates}`.padStart(5),
    "▇".repeat(Math.max(1, Math.round((20 * verdict.loss) / worst))),
  ].join(" ");
}
