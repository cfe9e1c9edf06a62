/**
 * Which parameters are tried, and the seed of each simulation.
 *
 * The first 20 sets are a grid of five values of beta by four of gamma around the published fit;
 * what is asked for beyond them fills the same box evenly (the R2 sequence). The order spreads the
 * grid, so that fewer sets still cover it, and begins with the published fit.
 *
 * @module
 */

import { createHash } from "node:crypto";
import type { Parameters } from "./model.ts";

/** One parameter set and its number, from 1. */
export interface ParameterSet {
  readonly number: number;
  readonly parameters: Parameters;
}

const betas = [1.67, 1.2, 1.45, 1.9, 2.2];
const gammas = [0.44, 0.34, 0.54, 0.64];
const gridCount = betas.length * gammas.length;

/** The first `count` parameter sets; the same ones at every call. */
export function parameterSets(count: number): readonly ParameterSet[] {
  return Array.from({ length: count }, (_unused, index) => ({
    number: index + 1,
    parameters: index < gridCount ? gridPoint(index) : evenPoint(index - gridCount + 1),
  }));
}

/** A stride that shares no factor with the size of the grid visits each of its points once. */
function gridPoint(index: number): Parameters {
  const place = (index * 7) % gridCount;
  return { beta: betas[place % betas.length], gamma: gammas[Math.floor(place / betas.length)] };
}

/** Point `index` of the R2 low-discrepancy sequence, in the box of the grid. */
function evenPoint(index: number): Parameters {
  const plastic = 1.324717957244746;
  const x = (0.5 + index / plastic) % 1;
  const y = (0.5 + index / plastic ** 2) % 1;
  return { beta: rounded(1.2 + x), gamma: rounded(0.34 + 0.3 * y) };
}

function rounded(rate: number): number {
  return Math.round(rate * 10_000) / 10_000;
}

/** The seed of a replicate: 53 bits that depend on the parameters and its number alone. */
export function seedOf({ beta, gamma }: Parameters, replicate: number): number {
  const text = JSON.stringify(["epidemic", beta, gamma, replicate]);
  const digest = createHash("sha256").update(text).digest();
  return Number(digest.readBigUInt64BE() >> 11n);
}
