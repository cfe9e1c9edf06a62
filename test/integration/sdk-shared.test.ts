/**
 * What clients share, on a real cluster: scattered and published values, locks.
 *
 * @module
 */

import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import {
  type Client,
  connect,
  gather,
  type LocalCluster,
  startLocalCluster,
  TaskError,
} from "../../src/client/index.ts";
import * as tasks from "./sdk-tasks.ts";

let cluster: LocalCluster;
let client: Client;

before(async () => {
  cluster = await startLocalCluster({ workers: 2, threads: 2 });
  client = await connect(cluster.url, { token: cluster.token });
});

after(async () => {
  await client?.close();
  await cluster?.close();
});

function another(): Promise<Client> {
  return connect(cluster.url, { token: cluster.token });
}

/** The workers that hold something, with how many bytes. */
async function heldBytes(): Promise<number[]> {
  const workers = await client.workers();
  return workers.map(({ heldValueBytes }) => Number(heldValueBytes)).sort((a, b) => b - a);
}

test("a scattered value is an argument like any other, small or large", async () => {
  const small = client.scatter([1, 2, 3]);
  assert.equal(await client.submit(tasks.sumOfList, [small]).result(), 6);
  assert.deepEqual(await small.result(), [1, 2, 3]);
  const bytes = new Uint8Array(5_000_000).fill(3);
  using large = client.scatter(bytes);
  const counts = client.map(tasks.countBytes, [[large], [large], [large]]);
  assert.deepEqual(await gather(counts), [15_000_000, 15_000_000, 15_000_000]);
});

test("a scattered value goes with its last handle", async () => {
  const value = client.scatter(new Uint8Array(1_000_000));
  await value.result();
  const [most] = await heldBytes();
  assert.ok(most >= 1_000_000, `${most} bytes are held`);
  value.release();
  while ((await heldBytes())[0] >= 1_000_000) await client.submit(tasks.add, [1, 1]).result();
});

test("equal content is one value if it is hashed, and a key has one content", async () => {
  const first = client.scatter({ a: 1 }, { hash: true });
  const second = client.scatter({ a: 1 }, { hash: true });
  assert.equal(first.key, second.key);
  assert.deepEqual(await gather([first, second]), [{ a: 1 }, { a: 1 }]);
  const named = client.scatter(1, { key: "one" });
  await named.result();
  await assert.rejects(client.scatter(2, { key: "one" }).result(), { code: "KEY_CONFLICT" });
});

test("a broadcast value is on every worker", async () => {
  using value = client.scatter(new Uint8Array(2_000_000), { broadcast: true });
  await value.result();
  for (;;) {
    const [, least] = await heldBytes();
    if (least >= 2_000_000) break;
    await client.submit(tasks.add, [1, 1]).result();
  }
});

test("a value that cannot travel is refused where it is scattered", () => {
  assert.throws(() => client.scatter({ f: () => 1 }), { code: "UNSERIALISABLE" });
  assert.throws(() => client.scatter(client.submit(tasks.add, [1, 2])), { code: "UNSERIALISABLE" });
  assert.throws(() => client.scatter(1, { broadcast: -1 }), { code: "INVALID_ARGUMENT" });
});

test("a published value outlives its client and is found by its name", async () => {
  const name = "primes";
  {
    await using first = await another();
    await first.publish(name, first.scatter([2, 3, 5, 7]));
    await first.publish("sum", first.submit(tasks.total, [1, 2, 3]));
  }
  await using second = await another();
  assert.deepEqual(
    (await second.published()).map((value) => value.name),
    ["primes", "sum"],
  );
  const primes = second.fetch<number[]>(name);
  assert.equal(await second.submit(tasks.sumOfList, [primes]).result(), 17);
  assert.equal(await second.fetch("sum").result(), 6);
  await second.unpublish(name);
  await second.unpublish("sum");
  assert.deepEqual(await second.published(), []);
  assert.deepEqual(await primes.result(), [2, 3, 5, 7], "its handle still wants it");
});

test("a name that means nothing rejects, and so does what depends on it", async () => {
  const nothing = client.fetch<number[]>("nothing");
  const sum = client.submit(tasks.sumOfList, [nothing]);
  await assert.rejects(nothing.result(), { code: "NOT_FOUND" });
  await assert.rejects(sum.result(), { code: "NOT_FOUND" });
  await assert.rejects(client.unpublish("nothing"), { code: "NOT_FOUND" });
  const one = client.submit(tasks.add, [1, 1]);
  await client.publish("taken", one);
  await assert.rejects(client.publish("taken", client.submit(tasks.add, [1, 2])), {
    code: "ALREADY_EXISTS",
  });
  await client.unpublish("taken");
});

test("a detached task goes on when its client is gone", async () => {
  const directory = mkdtempSync(join(tmpdir(), "capstan-detached-"));
  const path = join(directory, "tries");
  {
    await using other = await another();
    await other.submit(tasks.failFirst, [path, 0], { priority: -1 }).detach();
  }
  while (!existsSync(path)) await client.submit(tasks.addLater, [1, 1]).result();
  rmSync(directory, { recursive: true });
});

test("a lock is one client's at a time, in order, with a rising token", async () => {
  await using other = await another();
  const order: string[] = [];
  const tokens: number[] = [];
  const work = async (who: string, by: Client): Promise<void> => {
    await using lock = await by.lock("disk");
    order.push(`${who} in`);
    tokens.push(lock.token);
    await by.submit(tasks.add, [1, 1]).result();
    order.push(`${who} out`);
  };
  await Promise.all([work("one", client), work("other", other)]);
  for (let i = 0; i < 4; i += 2) {
    assert.equal(order[i].replace(" in", ""), order[i + 1].replace(" out", ""), order.join());
  }
  assert.ok(tokens[1] > tokens[0], tokens.join());
});

test("a wait for a lock ends at its limit and says who holds it", async () => {
  await using other = await another();
  const lock = await client.lock("slow");
  await assert.rejects(other.lock("slow", { timeoutMs: 200 }), (error: Error) => {
    const held = `^Waited 200 ms for the lock "slow", which was held by ${client.jobId} since`;
    assert.match(error.message, new RegExp(`${held} .*Z when this client asked\\.$`));
    return true;
  });
  const { locks } = (await client.call("ListLocks")) as { locks: { waitingJobIds: string[] }[] };
  assert.deepEqual(locks[0].waitingJobIds, [], "who gave up does not stand in line");
  await lock.release();
  await (await other.lock("slow", { timeoutMs: 30_000 })).release();
});

test("a lock of a client that is gone goes to the next when its session is over", async () => {
  const other = await another();
  await other.lock("orphan", { lease: "1h" });
  const waiting = client.lock("orphan", { timeoutMs: 60_000 });
  await other.close();
  await (await waiting).release();
});

test("what a lost scattered value was for fails, and says that it had no recipe", async () => {
  await using own = await startLocalCluster({ workers: 1, threads: 1 });
  await using user = await connect(own.url, { token: own.token });
  const value = user.scatter([1, 2, 3]);
  await value.result();
  const [worker] = own.workers;
  process.kill(worker.pid, "SIGKILL");
  const sum = user.submit(tasks.sumOfList, [value]);
  const error = await sum.exception({ timeoutMs: 120_000 });
  assert.ok(error instanceof TaskError, String(error));
  assert.equal(error.code, "VALUE_LOST");
  assert.match(error.message, /it has no recipe/);
});
