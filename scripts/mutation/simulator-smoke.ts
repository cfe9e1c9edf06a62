/**
 * A few seeds of the simulator, and its signature, as tests that judge mutants. Each is a test of
 * its own: what one of them catches does not wait for the rest, and none is so slow that it judges
 * nothing.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Profile } from "../../src/simulator/profiles.ts";
import { runSeed } from "../simulation/run-seed.ts";
import { expectedSignatures, nameOf, signatureOf, signedRuns } from "../simulation/signature.ts";

const seedCounts: Partial<Record<Profile, number>> = { swarm: 30, calm: 3, gangs: 8, graphs: 4 };
const actionCount = 60;

for (const [profile, count] of Object.entries(seedCounts) as [Profile, number][]) {
  for (let seed = 1; seed <= count; seed++) {
    test(`the simulator, profile ${profile}, seed ${seed}`, () => {
      runSeed({ seed, profile, actionCount });
    });
  }
}

const expected = expectedSignatures();

for (const run of signedRuns) {
  test(`the signature of ${nameOf(run)}`, () => {
    assert.equal(signatureOf(run), expected.get(nameOf(run)));
  });
}
