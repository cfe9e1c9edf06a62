/**
 * Simulated functions that submit tasks of their own: virtual time goes on while they wait, and
 * their slot is free.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { defineTask, gather, getContext, reschedule } from "../../src/client/index.ts";
import { simulateCluster } from "../../src/testing/index.ts";

const leaf = defineTask(import.meta.url, function leaf(n: number): number {
  return n + 1;
});

const sum = defineTask(import.meta.url, async function sum(count: number): Promise<number> {
  const { client } = getContext();
  const args = Array.from({ length: count }, (_, n) => [n] as const);
  const parts = await gather(client.map(leaf, args));
  return parts.reduce((total, part) => total + part, 0);
});

const stuck = defineTask(import.meta.url, async function stuck(): Promise<number> {
  return await getContext()
    .client.submit(leaf, [1], { resources: { cpu: 64 } })
    .result();
});

test("a task that waits for tasks of its own lets them run on its one slot", async () => {
  await using cluster = await simulateCluster({ seed: 1, workers: [{ cpu: 1 }] });
  const client = await cluster.connect();
  cluster.taskTakes(leaf, "1m");
  assert.equal(await client.submit(sum, [10]).result(), 55);
  assert.ok(cluster.now >= 5 * 60_000, `${cluster.now} ms of virtual time`);
});

test("many of them do so whatever goes wrong, and the trace of a seed is one", async () => {
  const traces: string[] = [];
  for (const seed of [7, 7, 8]) {
    await using cluster = await simulateCluster({ seed, workers: 2, faults: "swarm" });
    const client = await cluster.connect();
    cluster.taskTakes(leaf, ["1s", "20s"]);
    const totals = await gather(client.map(sum, [[3], [4], [5]], { retries: 100 }));
    assert.deepEqual(totals, [6, 10, 15]);
    traces.push(JSON.stringify(cluster.trace()));
  }
  assert.equal(traces[0], traces[1]);
  assert.notEqual(traces[0], traces[2]);
});

test("one that waits for what can never run is told of as such", async () => {
  await using cluster = await simulateCluster({ seed: 1, workers: [{ cpu: 1 }] });
  const client = await cluster.connect();
  await assert.rejects(client.submit(stuck, []).result(), /leaf/);
});

const halfway = defineTask(import.meta.url, async function halfway(): Promise<number> {
  getContext().progress(0.25, "asleep");
  return await getContext().client.submit(leaf, [1]).result();
});

test("one says how far it is, in virtual time", async () => {
  await using cluster = await simulateCluster({ seed: 1, workers: 1 });
  const client = await cluster.connect();
  cluster.taskTakes(leaf, "1m");
  using future = client.submit(halfway, []);
  await cluster.advance("10s");
  const progress = await future.progress();
  assert.deepEqual([progress?.fraction, progress?.note], [0.25, "asleep"]);
  assert.equal(await future.result(), 2);
});

const impatient = defineTask(import.meta.url, function impatient(): string {
  if (getContext().worker === "w-1") reschedule("not here");
  return getContext().worker;
});

test("one that asks to run later goes elsewhere", async () => {
  await using cluster = await simulateCluster({ seed: 1, workers: 2 });
  const client = await cluster.connect();
  assert.notEqual(await client.submit(impatient, []).result(), "w-1");
});
