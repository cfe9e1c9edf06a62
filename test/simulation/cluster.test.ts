/**
 * Both kernels, a network, a journal and clients in one virtual world: whatever goes wrong, what
 * is owed arrives, nothing is held at the end, and the state is the fold of the journal.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { runSeed } from "../../scripts/simulate.ts";
import { SimulatedCluster } from "../../src/simulator/cluster.ts";
import { noFaults } from "../../src/simulator/faults.ts";

const faultySeedCount = 240;
const calmSeedCount = 30;
const actionCount = 60;

describe("a simulated cluster", () => {
  test(`with drawn faults settles: ${faultySeedCount} seeds`, () => {
    let faultsInjected = 0;
    for (let seed = 1; seed <= faultySeedCount; seed++) {
      faultsInjected += runSeed({ seed, calm: false, actionCount }).faultsInjected;
    }
    assert.ok(faultsInjected > faultySeedCount, `only ${faultsInjected} faults were injected`);
  });

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

  test("does the same for the same seed, to the last event", () => {
    for (const seed of [3, 11, 27]) {
      const first = runSeed({ seed, calm: false, actionCount });
      assert.deepEqual(runSeed({ seed, calm: false, actionCount }), first, `seed ${seed}`);
    }
    const reports = [1, 2].map((seed) => runSeed({ seed, calm: false, actionCount }));
    assert.notDeepEqual(reports[0], reports[1]);
  });

  test("that loses a value that is owed is found out", () => {
    const cluster = new SimulatedCluster({ seed: 1, workerCount: 1, clientCount: 1 });
    const [client] = cluster.clients;
    cluster.runUntil(cluster.timeline.now + 50_000);
    client.submit(5);
    for (const worker of cluster.workers) worker.kill();
    cluster.workers.length = 0;
    assert.throws(() => cluster.finish(), /owed for ever|stands still with work owed/);
  });
});

test("a seed that fails says which command replays it", () => {
  const broken = { seed: 7, calm: false, actionCount: -1 };
  assert.throws(() => runSeed(broken), /npm run sim -- --seed 7 --actions -1/);
});
