/**
 * How a program is tested against a cluster on which everything goes wrong, in a moment and without
 * a process or a socket. Copy it.
 *
 *     node --test examples/simulated-cluster/study.test.ts
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { everySeed, StandstillError, simulateCluster } from "capstan/testing";
import { runStudy } from "./study.ts";
import { average, simulate } from "./tasks.ts";

const drifts = [-0.02, 0.001, 0.03];
const replicates = 20;

/** A task is a function: what is right is known without a cluster. */
const expected = drifts
  .map((drift) => {
    const ends = Array.from({ length: replicates }, (_, seed) => simulate(drift, seed));
    return { drift, mean: average(ends) };
  })
  .sort((a, b) => Math.abs(a.mean) - Math.abs(b.mean));

test("the study survives the loss of a worker half way", async () => {
  await using cluster = await simulateCluster({ seed: 7, workers: [{ cpu: 4 }, { cpu: 4 }] });
  cluster.taskTakes(simulate, "10m");
  const client = await cluster.connect();
  const running = runStudy(client, drifts, replicates);
  await cluster.advance("35m");
  cluster.killWorker("w1", { backAfter: "5m" });
  assert.deepEqual(await running, expected);
  const repeated = cluster.executionsOf(simulate) - drifts.length * replicates;
  assert.ok(repeated > 0, "something was lost, and computed again");
});

test("two hours without the licence server cost time, and no result", async () => {
  await using cluster = await simulateCluster({ workers: 2 });
  cluster.failNext(simulate, new Error("no licence"), 24);
  const client = await cluster.connect();
  assert.deepEqual(await runStudy(client, drifts, replicates), expected);
  assert.ok(cluster.now > 10 * 60_000, "a back-off of ten virtual minutes and more");
});

test("the study finds the same whatever goes wrong", async () => {
  let faults = 0;
  await everySeed({ seeds: 40, workers: 3, takes: ["5s", "1m"] }, async (cluster) => {
    const client = await cluster.connect();
    assert.deepEqual(await runStudy(client, drifts, replicates), expected);
    faults += cluster.faultCount;
  });
  assert.ok(faults > 40, `only ${faults} faults`);
});

test("a study on a cluster without workers does not hang: it says why", async () => {
  await using cluster = await simulateCluster({ workers: 0 });
  const client = await cluster.connect();
  await assert.rejects(runStudy(client, drifts, replicates), (error) => {
    assert.ok(error instanceof StandstillError);
    assert.match(error.message, /simulate/);
    return true;
  });
});
