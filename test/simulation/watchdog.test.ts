/**
 * Progress comes from events alone. All other tests of this folder run without a watchdog, and
 * everything settles; with one it never fires; and a wake-up that is really lost is repaired by it,
 * and by nothing else.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { SimulatedCluster } from "../../src/simulator/cluster.ts";
import { noFaults } from "../../src/simulator/faults.ts";
import type { Profile } from "../../src/simulator/profiles.ts";
import { actionCount } from "./seeds.ts";

/** Seeds of their own, and so many of each kind. */
const firstSeed = 40_001;
const seedCounts: readonly (readonly [Profile, number])[] = [
  ["swarm", 300],
  ["gangs", 150],
  ["storm", 150],
];

describe("progress", () => {
  test("leaves nothing for a watchdog to do", () => {
    let checks = 0;
    for (const [profile, count] of seedCounts) {
      for (let seed = firstSeed; seed < firstSeed + count; seed++) {
        const cluster = new SimulatedCluster({ seed, profile, watchdog: true, checks: false });
        cluster.run(actionCount);
        assert.deepEqual(cluster.watchdog.fired, [], `${profile} ${seed}`);
        checks += cluster.watchdog.checks;
      }
    }
    assert.ok(checks > 8_000, `it looked only ${checks} times`);
  });
});

/** One closed worker and work that waits for it; then it is open, and nobody has been told. */
function aLostWakeUp(watchdog: boolean): SimulatedCluster {
  const faults = { ...noFaults, jobLaunch: 0 };
  const options = { seed: 5, workerCount: 1, clientCount: 1, faults, checks: false };
  const cluster = new SimulatedCluster({ ...options, watchdog });
  cluster.runUntil(cluster.timeline.now + 50_000);
  const [worker] = cluster.state.workers;
  worker.cordoned = true;
  cluster.clients[0].submit(1);
  cluster.runUntil(cluster.timeline.now + 50_000);
  assert.equal(cluster.state.queuedShapes.size, 1);
  worker.cordoned = false;
  return cluster;
}

describe("a lost wake-up", () => {
  const run = (cluster: SimulatedCluster) => cluster.runUntil(cluster.timeline.now + 20_000_000);

  test("waits for ever without a watchdog", () => {
    const cluster = aLostWakeUp(false);
    run(cluster);
    assert.equal(cluster.state.queuedShapes.size, 1);
    assert.equal(cluster.clients[0].openCount, 1);
  });

  test("is found and repaired by a watchdog, once", () => {
    const cluster = aLostWakeUp(true);
    run(cluster);
    assert.deepEqual(cluster.watchdog.fired, [{ moves: ["attempts-assigned"] }]);
    assert.equal(cluster.clients[0].openCount, 0);
  });
});
