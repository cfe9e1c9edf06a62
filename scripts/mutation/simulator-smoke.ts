/**
 * A few seeds of the simulator as tests that judge mutants; small groups, so that a mutant that
 * the first seeds catch does not wait for the rest.
 *
 * @module
 */

import { test } from "node:test";
import { runSeed } from "../simulation/run-seed.ts";

const groupCount = 10;
const seedsPerGroup = 3;
const actionCount = 60;

for (let group = 0; group < groupCount; group++) {
  test(`the simulator, with faults, group ${group + 1}`, () => {
    for (let one = 1; one <= seedsPerGroup; one++) {
      runSeed({ seed: group * seedsPerGroup + one, calm: false, actionCount });
    }
  });
}

test("the simulator, without faults", () => {
  for (let seed = 1; seed <= seedsPerGroup; seed++) runSeed({ seed, calm: true, actionCount });
});
