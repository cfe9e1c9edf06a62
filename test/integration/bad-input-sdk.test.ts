/**
 * What users get wrong, against a real cluster: each is refused where it is said or fails its own
 * task with what to do, and the cluster goes on.
 *
 * @module
 */

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { after, afterEach, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import {
  asCompleted,
  type Client,
  connect,
  defineTask,
  gather,
  type SubmitOptions,
  startLocalCluster,
  TaskError,
  wait,
} from "../../src/client/index.ts";
import { unlucky } from "./bad-input-tasks.ts";
import { assertNothingIsLeft, FaultCluster, until } from "./faults-cluster.ts";
import { giveBytes, increment, leaveBehind, lengthOf, outlastLeftover } from "./faults-tasks.ts";
import { exit, giveFunction, throwText } from "./sdk-tasks.ts";

const limits = { timeoutMs: 60_000 };
const faults = new FaultCluster();
const logFile = faults.path("capstan.log");
let client: Client;

before(async () => {
  client = await faults.start({ workers: 2, threads: 1, logFile });
});

after(() => faults.close());

afterEach(async () => {
  assert.equal(await client.submit(increment, [1]).result(limits), 2);
  await assertNothingIsLeft(client);
});

test("an option that is unknown, of a wrong type or out of range is refused by its name", () => {
  const wrong: readonly (readonly [unknown, RegExp])[] = [
    [{ retires: 3 }, /retires.*retries/],
    [{ retries: "3" }, /retries/],
    [{ retries: -1 }, /retries/],
    [{ timeout: "soon" }, /timeout.*"soon"/],
    [{ band: "urgent" }, /band/],
    [{ resources: { cpu: -1 } }, /cpu/],
    [{ resources: { cpus: 1 } }, /cpus.*cpu/],
    [{ resources: { memory: "8 elephants" } }, /memory.*8 elephants/],
    [{ resources: { memory: -5 } }, /memory/],
    [{ resources: { device: { kind: "gpu", count: -1 } } }, /device/],
    [{ constraints: [{ key: "region", op: "is", values: ["x"] }] }, /op/],
    [{ key: 7 }, /key/],
    ["retries", /options/],
  ];
  for (const [options, message] of wrong) {
    const submit = () => client.submit(increment, [1], options as SubmitOptions);
    assert.throws(submit, { name: "CapstanError", message }, JSON.stringify(options));
  }
});

test("a reason that is no text, and options of locks that do not exist, are refused", async () => {
  using future = client.submit(increment, [1]);
  const cancel = () => future.cancel(new Error("why") as unknown as string);
  assert.throws(cancel, { code: "INVALID_ARGUMENT", message: /^reason: / });
  assert.equal(await future.result(limits), 2);
  const lock = client.lock("l", { timeout: 5 } as object);
  await assert.rejects(lock, { code: "INVALID_ARGUMENT", message: /timeoutMs/ });
});

test("an option of a wait that does not exist is refused, and not taken for no limit", async () => {
  using future = client.submit(increment, [1]);
  await future.result(limits);
  const job = await client.launchJob({ name: "waits", command: ["true"] });
  await job.wait(limits);
  const wrong = { timeout: 5 } as object;
  const calls: { readonly [name: string]: () => unknown } = {
    result: () => future.result(wrong),
    exception: () => future.exception(wrong),
    wait: () => wait([future], wrong),
    gather: () => gather([future], wrong),
    asCompleted: () => asCompleted([future], wrong),
    run: () => client.run(increment, [1], wrong),
    restart: () => client.restart(wrong),
    connect: () => connect(faults.cluster.url, wrong),
    launchJob: () => client.launchJob({ name: "x", command: ["true"] }, wrong),
    jobStatus: () => job.status(wrong),
    jobTasks: () => job.tasks(wrong),
    jobExplain: () => job.explain(wrong),
    jobWait: () => job.wait(wrong),
    jobLogs: () => job.logs(wrong).next(),
    startLocalCluster: () => startLocalCluster({ workers: 1, ...wrong }),
  };
  for (const [name, call] of Object.entries(calls)) {
    const message = /^timeout: unknown name "timeout"; .*Known: /;
    await assert.rejects(async () => call(), { code: "INVALID_ARGUMENT", message }, name);
  }
  const count = wait([future], { count: "frist" as "first" });
  await assert.rejects(count, { message: /^count: "frist" is not one of/ });
  const errors = gather([future], { errors: "value" as "values" });
  await assert.rejects(errors, { message: /^errors: "value" is not one of/ });
});

test("an argument that cannot travel is refused with its path, and nothing is submitted", () => {
  const list = [{ ok: 1 }, { model: { fit: () => 1 } }];
  const submit = () => client.submit(increment, [list as unknown as number]);
  assert.throws(submit, { code: "UNSERIALISABLE", message: /args\[0\]\[1\]\.model\.fit/ });
  const circle: { self?: unknown } = {};
  circle.self = circle;
  const map = () => client.map(increment, [[1], [circle as unknown as number]]);
  assert.throws(map, { code: "UNSERIALISABLE", message: /args\[1\]/ });
});

async function failureOf(promise: Promise<unknown>): Promise<TaskError> {
  const error = await promise.then(
    () => assert.fail("it should have failed"),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof TaskError, String(error));
  return error;
}

test("results that cannot travel, thrown text and exits fail their tasks only", async () => {
  const futures = Array.from({ length: 5 }, () => [
    client.submit(giveFunction, []),
    client.submit(throwText, []),
    client.submit(exit, [0]),
  ]).flat();
  const errors = await Promise.all(futures.map((future) => failureOf(future.result(limits))));
  assert.deepEqual(
    errors.map(({ code }) => code),
    Array.from({ length: 5 }, () => ["TASK_FAILED", "TASK_FAILED", "TASK_EXITED"]).flat(),
  );
});

test("what a function leaves behind is in the log by its name, and fails nobody else", async () => {
  const on = { workers: "local-0", retries: 0 };
  const left = client.submit(leaveBehind, [], on);
  await left.result(limits);
  const next = client.submit(outlastLeftover, [], on);
  await next.result(limits);
  const { task } = (await client.call("GetTaskStatus", { taskId: next.id })) as {
    readonly task: { readonly attempts: readonly unknown[] };
  };
  assert.equal(task.attempts.length, 1);
  const words = "left behind by leaveBehind, which has ended: RangeError: nobody caught this";
  await until("the log", () => readFileSync(logFile, "utf8").includes(words));
});

test("a module that fails on the worker fails its tasks with its own error", async () => {
  const error = await failureOf(client.submit(unlucky, [1]).result(limits));
  assert.equal(error.code, "TASK_MODULE_UNLOADABLE");
  assert.match(`${error.message} ${error.cause}`, /no license server here/);
});

test("a module that does not parse or resolve is an error before anything runs", async () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ["export const = 1;", /Expected|Unexpected/],
    ["import './gone.ts'; export const broken = 1;", /gone\.ts/],
    ["export const other = 1;", /broken/],
  ];
  for (const [i, [source, message]] of cases.entries()) {
    const file = faults.path(`module-${i}.ts`);
    writeFileSync(file, source);
    const broken = defineTask(pathToFileURL(file).href, function broken(): void {});
    const failed = client.submit(broken, []).result(limits);
    await assert.rejects(failed, { code: "TASK_MODULE_UNLOADABLE", message });
  }
});

test("results of no bytes and of 200 MB reach other workers and the client", async () => {
  const [first, second] = faults.cluster.workers.map(({ workerId }) => workerId);
  const size = 200_000_000;
  const large = client.submit(giveBytes, [size], { workers: [first] });
  const empty = client.submit(giveBytes, [0], { workers: [first] });
  const there = client.submit(lengthOf, [large], { workers: [second] });
  assert.equal(await there.result(limits), size);
  assert.equal(await client.submit(lengthOf, [empty], { workers: [second] }).result(limits), 0);
  const bytes = await large.result(limits);
  assert.deepEqual([bytes.length, bytes[0], bytes[size - 1]], [size, 7, 7]);
  assert.equal((await empty.result(limits)).length, 0);
});
