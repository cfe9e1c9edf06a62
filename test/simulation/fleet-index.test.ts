/**
 * Placement finds workers by an index that follows what changes. After every step of random
 * histories, with all kinds of faults, it says what a look at every worker says.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { SimulatedCluster } from "../../src/simulator/cluster.ts";
import type { Observer } from "../../src/simulator/observer.ts";
import type { Profile } from "../../src/simulator/profiles.ts";
import { checkFleet } from "../support/fleet-check.ts";
import { actionCount } from "./seeds.ts";

/** Seeds of their own, and so many of each kind. */
const firstSeed = 70_001;
const seedCounts: readonly (readonly [Profile, number])[] = [
  ["swarm", 60],
  ["gangs", 60],
  ["storm", 60],
];

test("the index of the workers says what the workers say, whatever happens to them", () => {
  let compared = 0;
  for (const [profile, count] of seedCounts) {
    for (let seed = firstSeed; seed < firstSeed + count; seed++) {
      const watch: Observer = {
        onControllerStep: ({ state }) => {
          compared += checkFleet(state);
        },
      };
      const options = { seed, profile, checks: false, observers: [watch] };
      const cluster = new SimulatedCluster(options);
      cluster.run(actionCount);
    }
  }
  assert.ok(compared > 10_000, `only ${compared} workers and groups were compared`);
});
