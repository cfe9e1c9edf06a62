/**
 * Seeds for the tests of this folder.
 *
 * @module
 */

import { readFileSync } from "node:fs";
import { runSeed, type SeedOptions } from "../../scripts/simulation/run-seed.ts";
import type { Profile } from "../../src/simulator/profiles.ts";

export const actionCount = 60;

/** How many faults were injected in `count` seeds from `first` on; throws if one of them fails. */
export function runSeeds(first: number, count: number, profile: Profile): number {
  let faultsInjected = 0;
  for (let seed = first; seed < first + count; seed++) {
    faultsInjected += runSeed({ seed, profile, actionCount }).faultsInjected;
  }
  return faultsInjected;
}

/** Seeds that once failed. */
export function regressionSeeds(): readonly SeedOptions[] {
  const text = readFileSync(new URL("regression-seeds.txt", import.meta.url), "utf8");
  const lines = text.split("\n").filter((line) => line.trim() !== "" && !line.startsWith("#"));
  return lines.map((line) => {
    const [seed, steps, profile] = line.trim().split(/\s+/);
    return { seed: Number(seed), actionCount: Number(steps), profile: profile as Profile };
  });
}
