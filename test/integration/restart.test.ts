/**
 * Restarts and the replacement of function processes, on one real cluster.
 *
 * @module
 */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  type Client,
  command,
  connect,
  type Future,
  gather,
  type LocalCluster,
  startLocalCluster,
} from "../../src/client/index.ts";
import * as tasks from "./restart-tasks.ts";

const mebibyte = 2 ** 20;
const isolated = { executor: "process" } as const;
const limits = { timeoutMs: 120_000 };

let cluster: LocalCluster;
let client: Client;

before(async () => {
  const workerOptions = () => ({ processMemory: 300 * mebibyte });
  cluster = await startLocalCluster({ workers: 1, threads: 2, workerOptions });
  client = await connect(cluster.url, { token: cluster.token });
});

after(async () => {
  await client?.close();
  await cluster?.close();
});

function another(token = cluster.token): Promise<Client> {
  return connect(cluster.url, { token });
}

/** Of functions in threads several, so that each lane has one; of a process one. */
function places(client: Client, options: { executor?: "process" } = {}): Promise<tasks.Place[]> {
  const calls = options === isolated ? [[1] as const] : ([[1], [2], [3], [4], [5], [6]] as const);
  return gather(client.map(tasks.whereAmI, calls, options), limits);
}

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 10));
}

async function isCancelledBecause(future: Future<unknown>, why: RegExp): Promise<void> {
  const error = await future.exception(limits);
  assert.match(String(error), why);
  assert.equal(future.status, "cancelled");
}

test("a process that has become too large is not used again, and all are counted", async () => {
  // What is small is used again.
  await until(async () => (await places(client, isolated))[0].calls > 1);
  const pid = await client.submit(tasks.grow, [400 * mebibyte], isolated).result(limits);
  const after = await places(client, isolated);
  assert.ok(!after.some((place) => place.pid === pid));
  // Heartbeats tell, some of them while a process only begins.
  await until(async () => {
    const [worker] = await client.workers();
    const { processBytes, processCount, processRecycledCount, rssBytes } = worker;
    const isCounted = processCount > 0 && processBytes > 5 * mebibyte && rssBytes > processBytes;
    return isCounted && processRecycledCount > 0;
  });
});

test("a restart of the cluster cancels every future, and what runs next is new", async () => {
  const other = await another();
  const name = "kept over the restart";
  await client.publish(name, client.submit(tasks.pass, [7]));
  const job = await client.launchJob({ name: "waits", command: ["sleep", "0.5"] });
  const threads = await places(client);
  const processes = await places(client, isolated);
  const failed = client.submit(tasks.refuse, []);
  await failed.exception(limits);
  const counter = client.createActor(tasks.Counter, []);
  assert.equal(await counter.call("next", []).result(limits), 1);
  await using lock = await client.lock("disk");
  const program = other.submit(command(["sleep", "60"]), []);
  const [running, ...queued] = other.map(tasks.hold, [[1], [2], [3], [4]]);
  await until(() => running.status === "running");
  await client.restart({ scope: "cluster", reason: "a new library" });
  const why = /restarted by .*: a new library/;
  for (const future of [program, running, ...queued]) await isCancelledBecause(future, why);
  assert.equal(failed.status, "cancelled");
  assert.match(String(await failed.exception()), /a new library; it had failed before: .*tide/);
  assert.match(String(await counter.ended()), why);
  await until(() => lock.signal.aborted);
  await using again = await other.lock("disk");
  assert.ok(again.token > lock.token);
  const old = new Set(threads.map(({ thread }) => thread));
  assert.ok((await places(client)).every(({ thread }) => !old.has(thread)));
  const gone = new Set(processes.map(({ pid }) => pid));
  assert.ok((await places(client, isolated)).every(({ pid }) => !gone.has(pid)));
  assert.equal(await other.fetch(name).result(limits), 7);
  await job.wait();
  assert.equal(job.state, "SUCCEEDED");
  await other.close();
});

test("a restart of a session is of that session, which goes on", async () => {
  const other = await another();
  const value = client.submit(tasks.pass, [5]);
  const [mine, theirs] = [client.submit(tasks.hold, [1]), other.submit(tasks.hold, [1])];
  const held = client.submit(tasks.pass, [1], { key: "shared" });
  await until(() => theirs.status === "running" && held.status === "succeeded");
  await client.restart();
  await isCancelledBecause(mine, /the session was restarted by/);
  assert.notEqual(value.status, "succeeded");
  assert.equal(theirs.status, "running");
  const again = client.submit(tasks.pass, [1], { key: "shared" });
  assert.equal(await again.result(limits), 1, "its key is free for new work");
  await other.close();
});

test("who is no administrator restarts no cluster, and nothing has happened", async () => {
  const request = { user: "eve", role: "user", expiresIn: "1h" };
  const { token } = (await client.call("CreateToken", request)) as { readonly token: string };
  const eve = await another(token);
  const future = eve.submit(tasks.pass, [3]);
  await assert.rejects(eve.restart({ scope: "cluster" }), { code: "FORBIDDEN" });
  assert.equal(await future.result(limits), 3);
  await assert.rejects(eve.restart({ scope: "everything" as "cluster" }), {
    code: "INVALID_ARGUMENT",
  });
  await eve.close();
});
