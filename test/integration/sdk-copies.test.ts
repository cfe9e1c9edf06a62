/**
 * Values on several workers, and a worker that is drained and killed, on a real cluster.
 *
 * @module
 */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import {
  type Client,
  connect,
  gather,
  type LocalCluster,
  startLocalCluster,
  type WorkerSummary,
} from "../../src/client/index.ts";
import * as tasks from "./sdk-tasks.ts";

const sizeBytes = 2_000_000;

let cluster: LocalCluster;
let client: Client;

before(async () => {
  cluster = await startLocalCluster({ workers: 3, threads: 1 });
  client = await connect(cluster.url, { token: cluster.token });
});

after(async () => {
  await client?.close();
  await cluster?.close();
});

/** Waits for what holds soon, however busy the machine is. */
async function until(holds: (workers: readonly WorkerSummary[]) => boolean): Promise<void> {
  const deadline = performance.now() + 60_000;
  for (;;) {
    const workers = await client.workers();
    if (holds(workers)) return;
    if (performance.now() > deadline) assert.fail(JSON.stringify(workers));
    await pause(20);
  }
}

function holderCount(workers: readonly WorkerSummary[]): number {
  return workers.filter(({ heldValueBytes }) => Number(heldValueBytes) >= sizeBytes).length;
}

test("a value is on as many workers as are wanted, or as there are", async () => {
  using value = client.submit(tasks.giveBytes, [sizeBytes]);
  await client.replicate(value, 2);
  await until((workers) => holderCount(workers) === 2);
  await client.replicate([value], 7);
  await until((workers) => holderCount(workers) === 3);
  assert.equal(await client.submit(tasks.countBytes, [value]).result(), 7 * sizeBytes);
  value.release();
  await until((workers) => holderCount(workers) === 0);
  await assert.rejects(client.replicate(value, 0), { code: "INVALID_ARGUMENT" });
});

test("a rebalance moves values to the workers that hold least; they stay readable", async () => {
  const { workerId } = cluster.workers[0];
  const sizes = Array.from({ length: 6 }, () => [sizeBytes] as [number]);
  const values = client.map(tasks.giveBytes, sizes, { workers: workerId });
  await gather(values);
  const { valueCount, valueBytes } = await client.rebalance();
  assert.equal(valueCount, 4, "it keeps two of six");
  assert.ok(valueBytes >= 4 * sizeBytes);
  const twoEach = (workers: readonly WorkerSummary[]) =>
    workers.every(({ heldValueBytes }) => Math.floor(Number(heldValueBytes) / sizeBytes) === 2);
  await until(twoEach);
  assert.equal((await client.rebalance()).valueCount, 0, "they are even");
  for (const value of values) {
    assert.equal(await client.submit(tasks.countBytes, [value]).result(), 7 * sizeBytes);
    value.release();
  }
  await until((workers) => holderCount(workers) === 0);
});

test("a worker that is drained is killed, and nothing is lost", async () => {
  const { workerId } = cluster.workers[0];
  const place = { workers: workerId };
  const values = client.map(tasks.giveBytes, [[sizeBytes], [10], [sizeBytes]], place);
  using scattered = client.scatter([2, 3, 5], place);
  await gather(values);
  await scattered.result();
  const wanted = client.scatter([7], { broadcast: true });
  await wanted.result();
  await client.call("DrainWorker", { workerId, drain: true });
  // Where it was scattered to is where it may be: there is nobody else for that one.
  const reason = "draining: 1 value (";
  await until((workers) =>
    workers.some((one) => one.workerId === workerId && one.stateReason.startsWith(reason)),
  );
  assert.deepEqual(await scattered.result(), [2, 3, 5]);
  scattered.release();
  await until((workers) =>
    workers.some((one) => one.workerId === workerId && one.stateReason === "drained"),
  );
  const before = await recomputedCount();
  await cluster.killWorker(0);
  assert.equal(await client.submit(tasks.countBytes, [values[0]]).result(), 7 * sizeBytes);
  assert.equal(await client.submit(tasks.countBytes, [values[2]]).result(), 7 * sizeBytes);
  assert.equal(await client.submit(tasks.sumOfList, [wanted]).result(), 7);
  assert.equal(await recomputedCount(), before);
  await client.call("DrainWorker", { workerId, drain: false });
});

test("a worker that is told to end goes when others have what only it held", async () => {
  const { workerId, pid } = cluster.workers[1];
  const values = client.map(tasks.giveBytes, [[sizeBytes], [sizeBytes]], { workers: workerId });
  await gather(values);
  await until((workers) => heldBy(workers, workerId) >= 2 * sizeBytes);
  const before = await recomputedCount();
  process.kill(pid, "SIGTERM");
  await until(() => cluster.workers[1].pid !== pid);
  for (const value of values) {
    assert.equal(await client.submit(tasks.countBytes, [value]).result(), 7 * sizeBytes);
  }
  assert.equal(await recomputedCount(), before);
});

function heldBy(workers: readonly WorkerSummary[], workerId: string): number {
  return Number(workers.find((one) => one.workerId === workerId)?.heldValueBytes ?? 0);
}

/** Executions that were done again. */
async function recomputedCount(): Promise<number> {
  const text = await (await fetch(`${cluster.url}/metrics`, headers())).text();
  return Number(/^capstan_recomputed_total (\d+)/m.exec(text)?.[1] ?? Number.NaN);
}

function headers() {
  return { headers: { authorization: `Bearer ${cluster.token}` } };
}
