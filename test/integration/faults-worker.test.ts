/**
 * Workers that die or stop at any time: their work is done again, nothing hangs, nothing is left.
 *
 * @module
 */

import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { Prng } from "../../src/base/prng.ts";
import { type Client, gather } from "../../src/client/index.ts";
import { assertNothingIsLeft, FaultCluster, linesOf, until } from "./faults-cluster.ts";
import { addCounted, increment, lengthOf, makeCounted } from "./faults-tasks.ts";

const partBytes = 200_000;
const limits = { timeoutMs: 120_000 };
let faults: FaultCluster;

beforeEach(() => {
  faults = new FaultCluster();
});

afterEach(() => faults.close());

/** `groups` sums over `size` parts each, every part a value that stays with its worker. */
function submitGroups(client: Client, file: string, groups: number, size: number) {
  return Array.from({ length: groups }, (_, group) => {
    const parts = client.map(
      makeCounted,
      Array.from({ length: size }, (_, part) => [file, `part-${group}-${part}`, 3, partBytes]),
    );
    return client.submit(addCounted, [file, `sum-${group}`, ...parts]);
  });
}

async function silenceMs(client: Client, workerId: string): Promise<number> {
  const workers = await client.workers();
  const row = workers.find((worker) => worker.workerId === workerId);
  return Date.now() - Date.parse(String(row?.lastHeartbeatAt));
}

async function stateOf(client: Client, workerId: string): Promise<string> {
  const workers = await client.workers();
  return workers.find((worker) => worker.workerId === workerId)?.state ?? "GONE";
}

test("workers that are killed at random moments cost nothing but time", async () => {
  const seed = Date.now() % 1_000_000;
  const random = new Prng(seed);
  const client = await faults.start({ workers: 2, threads: 1 });
  for (let round = 0; round < 6; round++) {
    const file = faults.path(`round-${round}`);
    const sums = submitGroups(client, file, 6, 12);
    const kills = [0, 1].map(async (index) => {
      const moment = 1 + random.below(66);
      await until(`${moment} tasks of round ${round}`, () => linesOf(file).length >= moment);
      await pause(random.below(30));
      await faults.cluster.killWorker(index);
    });
    await Promise.all(kills);
    const totals = await gather(sums, limits);
    assert.deepEqual(
      totals,
      sums.map(() => 12 * partBytes),
      `seed ${seed}, round ${round}`,
    );
    for (const sum of sums) sum.release();
    await until("both workers", async () => (await readyCount(client)) === 2);
    await assertNothingIsLeft(client);
  }
});

async function readyCount(client: Client): Promise<number> {
  return (await client.workers()).filter(({ state }) => state === "HEALTHY").length;
}

test("a value is computed again when every worker died that held it", async () => {
  const client = await faults.start({ workers: 2, threads: 1 });
  const file = faults.path("runs");
  const chain = [client.submit(makeCounted, [file, "root", 0, partBytes])];
  const length = client.submit(lengthOf, [chain[0]]);
  const next = client.submit(increment, [length]);
  assert.equal(await next.result(limits), partBytes + 1);
  await Promise.all([faults.cluster.killWorker(0), faults.cluster.killWorker(1)]);
  const again = client.submit(lengthOf, [chain[0]]);
  assert.equal(await again.result(limits), partBytes);
  assert.deepEqual(linesOf(file), ["root", "root"]);
  await assertNothingIsLeft(client);
});

test("a worker that stands still for 5 s is suspect, comes back and has lost nothing", async () => {
  const client = await faults.start({ workers: 2, threads: 1 });
  const { workerId, pid } = faults.cluster.workers[0];
  const file = faults.path("runs");
  const kept = client.submit(makeCounted, [file, "kept", 0, partBytes], { workers: [workerId] });
  await kept.exception(limits);
  const running = client.submit(makeCounted, [file, "running", 1_000, 8], { workers: [workerId] });
  await until("the task to begin", () => linesOf(file).length === 2);
  process.kill(pid, "SIGSTOP");
  await until("5 s of silence", async () => (await silenceMs(client, workerId)) >= 5_000);
  const state = await stateOf(client, workerId);
  const other = client.map(makeCounted, [
    [file, "other-1", 0, 8],
    [file, "other-2", 0, 8],
  ]);
  await gather(other, limits);
  process.kill(pid, "SIGCONT");
  assert.equal(state, "SUSPECT");
  assert.equal((await running.result(limits)).length, 8);
  await until("the worker to be trusted", async () => {
    return (await stateOf(client, workerId)) === "HEALTHY";
  });
  assert.equal((await kept.result(limits)).length, partBytes);
  assert.deepEqual(linesOf(file).sort(), ["kept", "other-1", "other-2", "running"]);
  assert.equal(faults.cluster.workers[0].pid, pid);
  await assertNothingIsLeft(client);
});
