/**
 * A controller that is killed with a thousand tasks in flight and starts again on its journal:
 * what it acknowledged completes, what runs is not disturbed, and nothing runs twice whose worker
 * lived on. Executions are counted where they happen: each task writes a line when it begins.
 *
 * @module
 */

import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { Prng } from "../../src/base/prng.ts";
import { asCompleted, type Client, type Future, gather } from "../../src/client/index.ts";
import { assertNothingIsLeft, FaultCluster, linesOf, until } from "./faults-cluster.ts";
import { addCounted, makeCounted } from "./faults-tasks.ts";

const limits = { timeoutMs: 120_000 };
let faults: FaultCluster;

beforeEach(() => {
  faults = new FaultCluster();
});

afterEach(() => faults.close());

/** Names that are in the file more than once, each with its count. */
function ranTwice(file: string): [string, number][] {
  const counts = new Map<string, number>();
  for (const line of linesOf(file)) counts.set(line, (counts.get(line) ?? 0) + 1);
  return [...counts].filter(([, count]) => count > 1);
}

async function firstOf(futures: Iterable<Future<unknown>>): Promise<void> {
  for await (const _ of asCompleted(futures)) return;
}

/** 1,000 tasks: 900 parts, every third too large to travel, 99 sums of nine parts, one of all. */
function submitThousand(client: Client, file: string) {
  const parts = client.map(
    makeCounted,
    Array.from({ length: 900 }, (_, i) => [file, `part-${i}`, 2, i % 3 === 0 ? 70_000 : 10]),
  );
  const sums = Array.from({ length: 99 }, (_, i) =>
    client.submit(addCounted, [file, `sum-${i}`, ...parts.slice(9 * i, 9 * i + 9)]),
  );
  const all = client.submit(addCounted, [file, "all", ...parts]);
  return { parts, sums, all };
}

test("a controller killed with 1,000 tasks in flight loses none and repeats none", async () => {
  const seed = Date.now() % 1_000_000;
  const random = new Prng(seed);
  const client = await faults.start({ workers: 2, threads: 1, dataDir: faults.path("data") });
  const { processes } = faults.cluster;
  const workers = faults.cluster.workers.map(({ pid }) => pid);
  const file = faults.path("runs");
  const { parts, sums, all } = submitThousand(client, file);
  await firstOf(parts); // So the submit was acknowledged: its facts came before this outcome.
  for (let round = 0; round < 3; round++) {
    const moment = Math.min(990, linesOf(file).length + random.below(250));
    await until(`${moment} tasks to begin`, () => linesOf(file).length >= moment);
    await processes.killController();
    await processes.startController();
  }
  assert.equal(await all.result(limits), 300 * 70_000 + 600 * 10, `seed ${seed}`);
  assert.deepEqual(
    await gather(sums, limits),
    sums.map(() => 3 * 70_000 + 6 * 10),
  );
  assert.equal((await gather(parts, limits)).length, 900);
  assert.deepEqual(ranTwice(file), [], `seed ${seed}`);
  assert.equal(linesOf(file).length, 1_000);
  assert.deepEqual(
    faults.cluster.workers.map(({ pid }) => pid),
    workers,
  );
  await assertNothingIsLeft(client);
});

test("what runs while its controller is dead is not run again", async () => {
  const client = await faults.start({ workers: 2, threads: 2, dataDir: faults.path("data") });
  const { processes } = faults.cluster;
  const file = faults.path("runs");
  const calls = Array.from({ length: 4 }, (_, i) => [file, `${i}`, 1_500, 100_000] as const);
  const futures = client.map(makeCounted, calls);
  await until("all four to run", () => linesOf(file).length === 4);
  await processes.killController();
  await processes.startController();
  const values = await gather(futures, limits);
  assert.deepEqual(
    values.map(({ length }) => length),
    [100_000, 100_000, 100_000, 100_000],
  );
  assert.deepEqual(linesOf(file).sort(), ["0", "1", "2", "3"]);
  await assertNothingIsLeft(client);
});

test("values that workers held through an outage are read, not computed again", async () => {
  const client = await faults.start({ workers: 2, threads: 1, dataDir: faults.path("data") });
  const { processes } = faults.cluster;
  const file = faults.path("runs");
  const sizes = Array.from({ length: 200 }, (_, i) => (i % 2 === 0 ? 80_000 : 50));
  const parts = client.map(
    makeCounted,
    sizes.map((size, i) => [file, `part-${i}`, 0, size]),
  );
  await Promise.all(parts.map((part) => part.exception(limits)));
  await processes.killController("SIGKILL");
  await processes.startController();
  const sum = client.submit(addCounted, [file, "sum", ...parts]);
  assert.equal(await sum.result(limits), 100 * 80_000 + 100 * 50);
  await gather(parts, limits);
  assert.deepEqual(ranTwice(file), []);
  await assertNothingIsLeft(client);
});

test("a worker that dies with its controller has its work done again by the others", async () => {
  const client = await faults.start({ workers: 2, threads: 1, dataDir: faults.path("data") });
  const { processes } = faults.cluster;
  const file = faults.path("runs");
  const { parts, all } = submitThousand(client, file);
  await firstOf(parts);
  await Promise.all([processes.killController(), processes.killWorker(0)]);
  await processes.startController();
  assert.equal(await all.result(limits), 300 * 70_000 + 600 * 10);
  assert.ok(linesOf(file).length >= 901);
  await assertNothingIsLeft(client);
});

test("a controller that stands still for 12 s loses no worker and repeats nothing", async () => {
  const client = await faults.start({ workers: 2, threads: 1, dataDir: faults.path("data") });
  const { controllerPid } = faults.cluster.processes;
  const file = faults.path("runs");
  const { all } = submitThousand(client, file);
  await until("some tasks to begin", () => linesOf(file).length >= 100);
  const stoppedAt = Date.now();
  process.kill(controllerPid, "SIGSTOP");
  await until("12 s to pass", () => Date.now() - stoppedAt >= 12_000);
  process.kill(controllerPid, "SIGCONT");
  assert.equal(await all.result(limits), 300 * 70_000 + 600 * 10);
  assert.deepEqual(ranTwice(file), []);
  const events = (await client.call("ListEvents", { pageSize: 1_000 })) as Events;
  assert.deepEqual(
    events.events.filter(({ type }) => type === "worker-lost"),
    [],
  );
  assert.equal(faults.cluster.processes.controllerPid, controllerPid);
  await assertNothingIsLeft(client);
});

interface Events {
  readonly events: readonly { readonly type: string }[];
}
