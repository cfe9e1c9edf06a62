/**
 * Both kernels, a network, a journal and clients in one virtual world: whatever goes wrong, what
 * is owed arrives, nothing is held at the end, and the state is the fold of the journal.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { runSeed } from "../../scripts/simulation/run-seed.ts";
import { SimulatedCluster } from "../../src/simulator/cluster.ts";
import { neverReached } from "../../src/simulator/coverage.ts";
import { rareStates } from "../../src/simulator/rare-states.ts";
import { actionCount, regressionSeeds } from "./seeds.ts";

const faultySeedCount = 1_000;

/** Of all rare states, so many are reached in that many seeds. */
const statesReachedMin = 140;

describe("a simulated cluster", () => {
  test("settles where it once did not", () => {
    for (const options of regressionSeeds()) runSeed(options);
  });

  test(`with drawn faults settles, and goes far: ${faultySeedCount} seeds`, () => {
    let faultsInjected = 0;
    const states = new Map<string, number>();
    for (let seed = 1; seed <= faultySeedCount; seed++) {
      faultsInjected += runSeed({ seed, actionCount, states }).faultsInjected;
    }
    assert.ok(faultsInjected > 10 * faultySeedCount, `only ${faultsInjected} faults`);
    const never = neverReached(states);
    const reached = rareStates.length - never.length;
    assert.ok(reached >= statesReachedMin, `only ${reached}; never: ${never.join(", ")}`);
  });

  test("does the same for the same seed, to the last event and the last bit", () => {
    for (const seed of [3, 11, 27]) {
      const first = runSeed({ seed, actionCount });
      assert.deepEqual(runSeed({ seed, actionCount }), first, `seed ${seed}`);
    }
    const [one, two] = [1, 2].map((seed) => runSeed({ seed, actionCount }).traceHash);
    assert.notEqual(one, two);
  });

  test("that folds every fact twice finds both states equal after every event", () => {
    for (let seed = 1; seed <= 10; seed++) {
      new SimulatedCluster({ seed, foldChecks: true }).run(20);
    }
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
  const broken = { seed: 7, actionCount: -1 };
  assert.throws(() => runSeed(broken), /npm run sim -- --seed 7 --actions -1/);
});
