/**
 * The SDK against a real cluster: one controller and two workers, each a process.
 *
 * @module
 */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import {
  asCompleted,
  type Client,
  connect,
  defineTask,
  gather,
  type LocalCluster,
  startLocalCluster,
  TaskError,
} from "../../src/client/index.ts";
import { multiply } from "./sdk-other-tasks.ts";
import * as tasks from "./sdk-tasks.ts";

const directory = mkdtempSync(join(tmpdir(), "capstan-sdk-"));
let cluster: LocalCluster;
let client: Client;

before(async () => {
  cluster = await startLocalCluster({ workers: 2, threads: 2 });
  client = await connect(cluster.url, { token: cluster.token });
});

after(async () => {
  await client?.close();
  await cluster?.close();
  rmSync(directory, { recursive: true });
});

async function taskErrorOf(promise: Promise<unknown>): Promise<TaskError> {
  const error = await promise.then(
    () => assert.fail("it should have failed"),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof TaskError, String(error));
  return error;
}

test("a task runs and its future has its value", async () => {
  const future = client.submit(tasks.add, [1, 2]);
  assert.equal(await future.result(), 3);
  assert.equal(future.status, "succeeded");
});

test("an asynchronous task's future has what its promise gives", async () => {
  assert.equal(await client.submit(tasks.addLater, [1, 2]).result(), 3);
});

test("a thousand tasks of one map come back in order", async () => {
  const futures = client.map(
    tasks.add,
    Array.from({ length: 1_000 }, (_, i) => [i, i]),
  );
  const values = await gather(futures);
  assert.deepEqual(
    values,
    Array.from({ length: 1_000 }, (_, i) => 2 * i),
  );
});

test("futures are arguments: spread, inside an array, and of a chain", async () => {
  const ones = client.map(
    tasks.add,
    Array.from({ length: 50 }, () => [0, 1]),
  );
  const spread = client.submit(tasks.total, [...ones, 8]);
  const list = client.submit(tasks.sumOfList, [[...ones, spread]]);
  let chain = list;
  for (let i = 0; i < 50; i++) chain = client.submit(tasks.add, [chain, 1]);
  assert.deepEqual(await gather([spread, list, chain]), [58, 108, 158]);
});

test("tasks of two modules work together", async () => {
  const sum = client.submit(tasks.add, [2, 3]);
  assert.equal(await client.submit(multiply, [sum, sum]).result(), 25);
});

test("a task that throws gives its error and causes, and fails what depends on it", async () => {
  const failed = client.submit(tasks.fail, ["too high"], { name: "tide" });
  const dependent = client.submit(tasks.add, [failed, 1]);
  const error = await taskErrorOf(failed.result());
  assert.equal(error.code, "TASK_FAILED");
  assert.deepEqual([error.task, error.blame, error.attempts], [failed.id, failed.id, 1]);
  const cause = error.cause as Error;
  assert.deepEqual([cause.name, cause.message], ["TideError", "too high"]);
  assert.equal((cause.cause as Error).message, "the moon");
  const blamed = await taskErrorOf(dependent.result());
  assert.deepEqual([blamed.task, blamed.blame], [dependent.id, failed.id]);
});

test("a task that throws something else is a failed task that shows it", async () => {
  const error = await taskErrorOf(client.submit(tasks.throwText, []).result());
  assert.equal((error.cause as Error).name, "NonError");
  assert.match((error.cause as Error).message, /just text/);
});

test("a task that ends its thread is an error that says so, and the worker goes on", async () => {
  const error = await taskErrorOf(client.submit(tasks.exit, [3]).result());
  assert.deepEqual([error.code, error.exitCode], ["TASK_EXITED", 3]);
  assert.equal(await client.submit(tasks.add, [1, 1]).result(), 2);
});

test("a result that cannot travel is an error with its path", async () => {
  const error = await taskErrorOf(client.submit(tasks.giveFunction, []).result());
  assert.match(`${error.message} ${(error.cause as Error).message}`, /model\.fn/);
});

test("results of no bytes and of many come back, to the client and to other tasks", async () => {
  assert.equal(await client.submit(tasks.giveNothing, []).result(), undefined);
  assert.deepEqual(await client.submit(tasks.giveBytes, [0]).result(), new Uint8Array(0));
  const size = 20_000_000;
  const large = client.submit(tasks.giveBytes, [size]);
  const sum = client.submit(tasks.countBytes, [large]);
  assert.equal(await sum.result(), 7 * size);
  const bytes = await large.result();
  assert.deepEqual([bytes.length, bytes[0], bytes[size - 1]], [size, 7, 7]);
});

test("a failed task is tried again as often as it may", async () => {
  const path = join(directory, "retries");
  const future = client.submit(tasks.failFirst, [path, 2], { retries: 2 });
  assert.equal(await future.result(), 3);
});

test("retry runs a failed task once more", async () => {
  const path = join(directory, "retry");
  const future = client.submit(tasks.failFirst, [path, 1]);
  await taskErrorOf(future.result());
  future.retry();
  assert.equal(await future.result(), 2);
});

test("cancel stops a running task and says why", async () => {
  const future = client.submit(tasks.untilCancelled, []);
  const other = client.submit(tasks.add, [1, 1]);
  await other.result();
  while (future.status === "pending") await pause(10);
  assert.equal(future.status, "running");
  future.cancel("changed my mind");
  const error = await taskErrorOf(future.result());
  assert.equal(error.code, "TASK_CANCELLED");
  assert.match(error.message, /changed my mind/);
  assert.equal(future.status, "cancelled");
});

test("asCompleted gives every future as it ends", async () => {
  const futures = [
    client.submit(tasks.addLater, [1, 1]),
    client.submit(tasks.fail, ["no"]),
    client.submit(tasks.add, [1, 1]),
  ];
  const seen = new Set<unknown>();
  for await (const future of asCompleted<number>(futures)) seen.add(future);
  assert.deepEqual(seen, new Set(futures));
});

test("a released input is still there for what was submitted with it", async () => {
  const input = client.submit(tasks.add, [1, 1]);
  await input.result();
  const dependent = client.submit(tasks.add, [input, 1]);
  input.release();
  assert.equal(await dependent.result(), 3);
});

test("pure tasks of one content are one task, and a key names one", async () => {
  const one = client.submit(tasks.add, [40, 2], { pure: true });
  const other = client.submit(tasks.add, [40, 2], { pure: true });
  assert.deepEqual(await gather([one, other]), [42, 42]);
  assert.equal(one.key, other.key);
  const mine = client.submit(tasks.add, [1, 1], { key: "mine" });
  const conflicting = client.submit(tasks.add, [2, 2], { key: "mine" });
  assert.equal(await mine.result(), 2);
  await assert.rejects(conflicting.result(), { code: "KEY_CONFLICT" });
});

test("a task runs on the worker that it names", async () => {
  const { workerId } = cluster.workers[1];
  const futures = client.map(
    tasks.whoRuns,
    Array.from({ length: 8 }, () => []),
    { workers: [workerId] },
  );
  assert.deepEqual(new Set(await gather(futures)), new Set([workerId]));
});

test("a task whose module does not load is an error that says what to do", async () => {
  const url = new URL("./no-such-tasks.ts", import.meta.url).href;
  const ghost = defineTask(url, function ghost(): void {});
  await assert.rejects(client.submit(ghost, []).result(), { code: "TASK_MODULE_UNLOADABLE" });
});

test("the cluster tells of its workers, and of a task why it waits and what happened", async () => {
  const workers = await client.workers();
  assert.deepEqual(
    workers.map(({ workerId }) => workerId).sort(),
    cluster.workers.map(({ workerId }) => workerId).sort(),
  );
  const future = client.submit(tasks.add, [1, 1], { resources: { cpu: 64 } });
  const explanation = await future.explain();
  assert.equal(explanation.id, future.id);
  assert.equal(explanation.canEverRun, false);
  assert.ok(explanation.reasons.some(({ code }) => code === "INSUFFICIENT"));
  assert.ok(Object.keys(await future.story()).length > 0);
  future.cancel();
  await taskErrorOf(future.result());
});

test("a client that is closed leaves nothing behind", async () => {
  const other = await connect(cluster.url, { token: cluster.token });
  const future = other.submit(tasks.untilCancelled, []);
  await other.submit(tasks.add, [1, 1]).result();
  await other.close();
  await assert.rejects(future.result(), { code: "CLIENT_CLOSED" });
  assert.equal(await client.submit(tasks.add, [1, 1]).result(), 2);
});
