/**
 * A few seeds of the simulator as tests that judge mutants. Each is a test of its own: a mutant that
 * the first one catches does not wait for the rest, and none is so slow that it judges nothing.
 *
 * @module
 */

import { test } from "node:test";
import { runSeed } from "../simulation/run-seed.ts";

const faultySeedCount = 30;
const calmSeedCount = 3;
const actionCount = 60;

for (let seed = 1; seed <= faultySeedCount; seed++) {
  test(`the simulator, with faults, seed ${seed}`, () => {
    runSeed({ seed, calm: false, actionCount });
  });
}

for (let seed = 1; seed <= calmSeedCount; seed++) {
  test(`the simulator, without faults, seed ${seed}`, () => {
    runSeed({ seed, calm: true, actionCount });
  });
}
