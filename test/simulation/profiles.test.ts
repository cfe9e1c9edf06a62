/**
 * Runs of one kind each: calm ones, and faults of one area at a time.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { runSeed } from "../../scripts/simulation/run-seed.ts";
import { SimulatedCluster } from "../../src/simulator/cluster.ts";
import { noFaults } from "../../src/simulator/faults.ts";
import { actionCount, runSeeds } from "./seeds.ts";

const seedCounts = {
  network: 160,
  crash: 160,
  gangs: 160,
  graphs: 160,
  storm: 160,
  slow: 60,
} as const;
const calmSeedCount = 100;

describe("a simulated cluster", () => {
  for (const profile of ["network", "crash", "gangs", "graphs", "storm", "slow"] as const) {
    const seedCount = seedCounts[profile];
    test(`settles in runs of the kind "${profile}": ${seedCount} seeds`, () => {
      assert.ok(runSeeds(20_001, seedCount, profile) > seedCount);
    });
  }

  test(`without faults settles, and runs each task once: ${calmSeedCount} seeds`, () => {
    for (let seed = 1; seed <= calmSeedCount; seed++) {
      const faults = { ...noFaults, jobLaunch: 0 };
      const cluster = new SimulatedCluster({ seed, faults });
      const report = cluster.run(actionCount);
      assert.equal(report.faultsInjected, 0, `seed ${seed}`);
      assert.equal(cluster.state.recomputedCount, 0, `seed ${seed} computed something again`);
    }
  });

  test(`with jobs and gangs and without faults settles: ${calmSeedCount} seeds`, () => {
    for (let seed = 1; seed <= calmSeedCount; seed++) {
      const report = runSeed({ seed, calm: true, actionCount });
      assert.equal(report.faultsInjected, 0, `seed ${seed}`);
    }
  });
});
