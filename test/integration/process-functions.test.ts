/**
 * Functions in processes, from the SDK to the process and back: values, ends of every kind, logs,
 * and the deaths of all who take part.
 *
 * @module
 */

import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { type Client, gather, TaskError } from "../../src/client/index.ts";
import { assertNothingIsLeft, FaultCluster, linesOf, lives, until } from "./faults-cluster.ts";
import {
  crash,
  dieOnce,
  fillBytes,
  flood,
  goSilent,
  hog,
  hold,
  sum,
  sumByChildren,
  sumBytes,
  whereAmI,
} from "./process-tasks.ts";

const limits = { timeoutMs: 120_000 };
const isolated = { executor: "process" } as const;
let faults: FaultCluster;
let client: Client;

beforeEach(async () => {
  faults = new FaultCluster();
  client = await faults.start({ workers: 1, threads: 2 });
});

afterEach(() => faults.close());

async function failureOf(future: {
  result(options: object): Promise<unknown>;
}): Promise<TaskError> {
  const error = await future.result(limits).then(
    () => assert.fail("it did not fail"),
    (reason: unknown) => reason,
  );
  assert(error instanceof TaskError, String(error));
  return error;
}

describe("a function in a process", () => {
  test("knows where it is, and is in no process of ours", async () => {
    const inside = await client.submit(whereAmI, [], isolated).result(limits);
    const [worker] = await client.workers();
    assert.equal(inside.worker, worker.workerId);
    assert.match(inside.attempt, /^\d+\.\d+$/);
    assert.notEqual(inside.pid, worker.pid);
    assert.notEqual(inside.pid, process.pid);
  });

  test("takes values of threads and gives values to threads", async () => {
    const bytes = client.submit(fillBytes, [3_000_000], isolated);
    const inThread = client.submit(sumBytes, [bytes]);
    const inProcess = client.submit(sumBytes, [client.submit(fillBytes, [1_000_000])], isolated);
    const both = client.submit(sum, [inThread, inProcess], isolated);
    assert.equal(await both.result(limits), 28_000_000);
  });

  test("may be one of thousands", async () => {
    const many = client.map(
      sum,
      Array.from({ length: 2_000 }, (_, i) => [i, 1]),
      isolated,
    );
    const values = await gather(many);
    assert.deepEqual(
      values,
      Array.from({ length: 2_000 }, (_, i) => i + 1),
    );
    await assertNothingIsLeft(client);
  });

  test("fails alone when its process ends, with how it ended and its last words", async () => {
    const exited = await failureOf(client.submit(crash, ["exit"], isolated));
    assert.equal(exited.code, "TASK_EXITED");
    assert.match(exited.message, /exit code 9/);
    assert.equal(exited.stderrTail, "about to exit\n");
    const aborted = await failureOf(client.submit(crash, ["SIGABRT"], isolated));
    assert.equal(aborted.code, "TASK_EXITED");
    assert.match(aborted.message, /SIGABRT/);
    assert.equal(await client.submit(sum, [1, 2], isolated).result(limits), 3);
    const [worker] = await client.workers();
    assert.equal(worker.state, "HEALTHY");
  });

  test("over its limit of memory has run out of memory, and no worker with it", async () => {
    const resources = { memory: "300m" };
    const failed = await failureOf(client.submit(hog, [], { ...isolated, resources }));
    assert.equal(failed.code, "TASK_OUT_OF_MEMORY");
    assert.equal(await client.submit(sum, [1, 2]).result(limits), 3);
  });

  test("that writes megabytes to stderr before it answers completes", async () => {
    assert.equal(await client.submit(flood, [8 << 20], isolated).result(limits), "done");
  });

  test("that goes silent is ended at its deadline, with its last words", async () => {
    const future = client.submit(goSilent, [], { ...isolated, timeout: "2s" });
    const failed = await failureOf(future);
    assert.equal(failed.code, "TASK_TIMED_OUT");
    assert.equal(failed.stderrTail, "the last thing that it did\n");
    await assertNothingIsLeft(client);
  });

  test("that waits for tasks of its own gives its place to them", async () => {
    const parents = client.map(sumByChildren, [[3], [3], [3], [3]], isolated);
    assert.deepEqual(await gather(parents), [6, 6, 6, 6]);
    await assertNothingIsLeft(client);
  });

  test("that is cancelled is gone before its place is free", async () => {
    const file = faults.path("pids");
    const future = client.submit(hold, [file], isolated);
    await until("that it runs", () => linesOf(file).length === 1);
    const pid = Number(linesOf(file)[0]);
    await future.cancel();
    await assertNothingIsLeft(client);
    assert(!lives(pid));
  });

  test("has a log of its own", async () => {
    const job = await client.launchJob({ name: "flood", task: flood, args: [2_048], ...isolated });
    await job.wait();
    const lines: string[] = [];
    for await (const { text } of job.logs()) lines.push(text);
    assert.deepEqual(lines, ["x".repeat(1_023), "x".repeat(1_023)]);
    assert.equal(await job.state, "SUCCEEDED");
  });
});

describe("kill -9", () => {
  test("of a function's process costs one try", async () => {
    const file = faults.path("pids");
    const options = { ...isolated, retries: 0 };
    await client.submit(dieOnce, [file], options).result(limits);
    assert.equal(linesOf(file).length, 2);
  });

  test("of its worker ends the process, and the function runs again", async () => {
    const file = faults.path("pids");
    const future = client.submit(hold, [file], isolated);
    await until("that it runs", () => linesOf(file).length === 1);
    await faults.cluster.killWorker(0);
    await until("that it runs again", () => linesOf(file).length === 2);
    const [before, after] = linesOf(file).map(Number);
    assert(!lives(before), "it was gone before it ran again");
    assert(lives(after));
    await future.cancel();
    await assertNothingIsLeft(client);
    assert(!lives(after));
  });
});
