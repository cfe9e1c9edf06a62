/**
 * Graphs of ordinary tasks on a simulated cluster: values, errors, faults and time.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { asCompleted, command, gather, TaskError, wait } from "../../src/client/index.ts";
import { simulateCluster } from "../../src/testing/index.ts";
import * as tasks from "./tasks.ts";

const { double, sum } = tasks;
const hourMs = 3_600_000;

function numbers(count: number): [number][] {
  return Array.from({ length: count }, (_, i) => [i]);
}

/** Rejects with a TaskError of this code. */
async function failure(run: Promise<unknown>, code: string): Promise<TaskError> {
  const error = await run.then(
    () => assert.fail("it succeeded"),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof TaskError, String(error));
  assert.equal(error.code, code);
  return error;
}

describe("a graph on a simulated cluster", () => {
  test("computes what its functions compute, in the virtual time that they take", async () => {
    await using cluster = await simulateCluster({ workers: [{ cpu: 2 }] });
    cluster.taskTakes(double, "30s");
    cluster.taskTakes(sum, "10s");
    const client = await cluster.connect();
    const all = client.submit(sum, [client.map(double, numbers(4))]);
    assert.equal(await all.result(), 12);
    const seconds = Math.round(cluster.now / 1000);
    assert.equal(seconds, 70, "two after two of 30 s, then 10 s");
    assert.equal(cluster.executionsOf(double), 4);
    assert.equal(cluster.executionsOf(sum), 1);
  });

  test("survives the loss of a worker: what it held and ran is computed again", async () => {
    await using cluster = await simulateCluster({ seed: 7, workers: 2 });
    cluster.taskTakes(double, "30s");
    const client = await cluster.connect();
    const many = client.map(double, numbers(16));
    await cluster.advance("40s");
    cluster.killWorker("w1", { backAfter: "1m" });
    assert.equal(await client.submit(sum, [many]).result(), 240);
    const repeated = cluster.executionsOf(double) - 16;
    assert.ok(repeated >= 4 && repeated <= 8, `${repeated} were repeated`);
  });

  test("goes on over a restart of its controller, and repeats nothing", async () => {
    await using cluster = await simulateCluster({ seed: 3 });
    cluster.taskTakes(double, ["10s", "1m"]);
    const client = await cluster.connect();
    const many = client.map(double, numbers(30));
    await cluster.advance("45s");
    cluster.killController({ backAfter: "8s" });
    assert.equal((await gather(many)).length, 30);
    assert.equal(cluster.executionsOf(double), 30);
    const restarts = cluster.trace().filter(({ who }) => who === "controller");
    const story = restarts.map(({ what }) => what);
    assert.deepEqual(story, ["came up", "went down", "came back"]);
  });

  test("outlives a controller that dies at any moment of its clients connecting anew", async () => {
    await using cluster = await simulateCluster({ syncDelayMax: 20, networkDelayMax: 20 });
    cluster.taskTakes(double, "2s");
    const client = await cluster.connect();
    const many = client.map(double, numbers(40));
    for (let i = 0; i < 40; i++) {
      cluster.dropClients();
      await cluster.advance(60 + 3 * i);
      cluster.killController({ backAfter: 10 });
      await cluster.advance(100);
    }
    assert.equal((await gather(many)).length, 40);
  });

  test("a worker that is cut off for a moment goes on, for long it is given up", async () => {
    for (const [cut, repeats] of [
      ["5s", 0],
      ["1m", 2],
    ] as const) {
      await using cluster = await simulateCluster({ workers: [{ cpu: 2 }, { cpu: 2 }] });
      cluster.taskTakes(double, "30s");
      const client = await cluster.connect();
      const many = client.map(double, numbers(2), { workers: ["w1"], allowOtherWorkers: true });
      await cluster.advance("2s");
      cluster.partition("w1", { backAfter: cut });
      assert.deepEqual(await gather(many), [0, 2]);
      assert.equal(cluster.executionsOf(double), 2 + repeats, `cut off for ${cut}`);
    }
  });

  test("clients that lose their connections hear of everything", async () => {
    await using cluster = await simulateCluster();
    const client = await cluster.connect();
    const many = client.map(double, numbers(40));
    for (let i = 0; i < 5; i++) {
      await cluster.advance("1s");
      cluster.dropClients();
    }
    assert.equal((await gather(many)).length, 40);
  });

  test("retries wait for their back-off: hours pass in a moment", async () => {
    await using cluster = await simulateCluster();
    const client = await cluster.connect();
    cluster.failNext(double, new Error("the licence server is away"), 3);
    const retryBackoff = { initial: "1h", max: "2h" };
    const future = client.submit(double, [21], { retries: 3, retryBackoff });
    const startedAt = performance.now();
    assert.equal(await future.result(), 42);
    assert.equal(Math.floor(cluster.now / hourMs), 5, "1 h, 2 h and 2 h");
    assert.equal(cluster.executionsOf(double), 4);
    assert.ok(performance.now() - startedAt < 5_000, "and it takes no five seconds");
  });

  test("the order of completions is that of virtual time", async () => {
    await using cluster = await simulateCluster({ workers: [{ cpu: 8 }] });
    cluster.taskTakes(double, (x) => `${10 * (x + 1)}s`);
    const client = await cluster.connect();
    const order: number[] = [];
    const futures = client.map(double, [[5], [1], [3], [0]]);
    for await (const future of asCompleted(futures)) order.push(await future.result());
    assert.deepEqual(order, [0, 2, 6, 10]);
  });

  test("virtual time stands still while nobody waits for the cluster", async () => {
    await using cluster = await simulateCluster();
    const client = await cluster.connect();
    const future = client.submit(double, [1]);
    const before = cluster.now;
    await pause(20);
    assert.equal(cluster.now, before);
    assert.equal(future.status, "pending");
    assert.equal(await future.result(), 2);
  });

  test("a function may be asynchronous: its real time does not count", async () => {
    await using cluster = await simulateCluster({ takes: "10s" });
    const client = await cluster.connect();
    assert.deepEqual(await gather(client.map(tasks.later, numbers(4))), [1, 2, 3, 4]);
    assert.equal(Math.round(cluster.now / 1000), 10);
  });

  test("a large value travels between workers and to the client", async () => {
    await using cluster = await simulateCluster({ workers: [{ cpu: 1 }, { cpu: 1 }] });
    const client = await cluster.connect();
    const data = client.submit(tasks.bytes, [200_000]);
    const lengths = client.map(tasks.lengthOf, [[data], [data], [data], [data]]);
    assert.deepEqual(await gather(lengths), Array(4).fill(200_000));
    assert.equal((await data.result()).at(-1), 7);
    assert.equal(cluster.executionsOf(tasks.bytes), 1);
  });

  test("each execution has values of its own", async () => {
    await using cluster = await simulateCluster({ workers: [{ cpu: 1 }] });
    const client = await cluster.connect();
    const list = [1, 2];
    const lengths = client.map(tasks.append, [[list], [list]]);
    assert.deepEqual(await gather(lengths), [3, 3]);
    assert.deepEqual(list, [1, 2]);
  });

  test("a function knows where it runs", async () => {
    await using cluster = await simulateCluster({ workers: [{ id: "big", cpu: 8 }] });
    const client = await cluster.connect();
    const future = client.submit(tasks.whereAmI, []);
    assert.deepEqual(await future.result(), { worker: "big", attempt: "1.1" });
  });
});

describe("errors are those of a real cluster", () => {
  test("what a function throws, with its cause, blames its task for all that follow", async () => {
    await using cluster = await simulateCluster();
    const client = await cluster.connect();
    const first = client.submit(tasks.refuse, ["bread"]);
    const second = client.submit(double, [first]);
    const error = await failure(second.result(), "TASK_FAILED");
    assert.match(error.message, /no bread/);
    assert.equal(error.blame, first.id);
    assert.equal((error.cause as Error).name, "RangeError");
    assert.equal(cluster.executionsOf(double), 0);
  });

  test("what cannot travel is refused on its way in and fails on its way out", async () => {
    await using cluster = await simulateCluster();
    const client = await cluster.connect();
    const wrong = { code: "UNSERIALISABLE", message: /^args\[0\] is/ };
    assert.throws(() => client.submit(double, [(() => 1) as unknown as number]), wrong);
    const error = await failure(client.submit(tasks.makeFunction, []).result(), "TASK_FAILED");
    assert.match(error.message, /result\.inner\[0\] is a function/);
  });

  test("a cancelled task is stopped, and its signal tells it why", async () => {
    await using cluster = await simulateCluster({ patience: 20 });
    cluster.taskTakes(tasks.untilStopped, "1h");
    const client = await cluster.connect();
    const future = client.submit(tasks.untilStopped, []);
    await cluster.advance("1m");
    tasks.stops.length = 0;
    future.cancel("changed my mind");
    await failure(future.result(), "TASK_CANCELLED");
    await cluster.advance("1s");
    assert.deepEqual(tasks.stops, ["TASK_CANCELLED"]);
  });

  test("a task that runs longer than its timeout has failed", async () => {
    await using cluster = await simulateCluster();
    cluster.taskTakes(double, "3h");
    const client = await cluster.connect();
    const future = client.submit(double, [1], { timeout: "2h" });
    await failure(future.result(), "TASK_TIMED_OUT");
    assert.equal(Math.floor(cluster.now / hourMs), 2);
  });

  test("what may be taken away three times has failed at the fourth", async () => {
    await using cluster = await simulateCluster({ workers: 1 });
    cluster.taskTakes(double, "1h");
    const client = await cluster.connect();
    const future = client.submit(double, [1]);
    for (let i = 0; i < 4; i++) {
      await cluster.advance("10m");
      cluster.killWorker("w1", { backAfter: "1m" });
    }
    await failure(future.result(), "WORKER_DIED");
  });

  test("the limits of a wait count virtual time, and the work goes on", async () => {
    await using cluster = await simulateCluster();
    cluster.taskTakes(double, "10m");
    const client = await cluster.connect();
    const future = client.submit(double, [1]);
    await assert.rejects(future.result({ timeoutMs: 60_000 }), { code: "TIMED_OUT" });
    assert.equal(Math.round(cluster.now / 1000), 60);
    assert.equal((await wait([future])).done.length, 1);
    assert.equal(Math.round(cluster.now / 1000), 600);
  });

  test("after the cluster is closed its clients are", async () => {
    const cluster = await simulateCluster();
    const client = await cluster.connect();
    const future = client.submit(double, [1]);
    await cluster.close();
    await assert.rejects(future.result(), { code: "CLIENT_CLOSED" });
  });
});

describe("a command as a task of a graph", () => {
  test("does what the test says, and its output is its value", async () => {
    await using cluster = await simulateCluster();
    cluster.onCommand(({ argv, stdin }) => ({
      takes: "1h",
      stdout: JSON.stringify({ argv, stdin }),
    }));
    const client = await cluster.connect();
    const work = command(["python", "fit.py"], { result: "json", stdin: "7" });
    const value = await client.submit(work, []).result();
    assert.deepEqual(value, { argv: ["python", "fit.py"], stdin: "7" });
    assert.equal(Math.floor(cluster.now / hourMs), 1);
  });

  test("fails by its exit code, and when its output is not what it should be", async () => {
    await using cluster = await simulateCluster();
    const client = await cluster.connect();
    cluster.onCommand(() => ({ exitCode: 3, stderr: "no such table" }));
    const error = await failure(client.submit(command(["query"])).result(), "TASK_FAILED");
    assert.match(error.message, /exit code 3/);
    cluster.onCommand(() => ({ stdout: "oops" }));
    const text = client.submit(command(["query"], { result: "json" })).result();
    assert.match((await failure(text, "TASK_FAILED")).message, /is not JSON/);
    const file = command(["draw"], { result: { file: "out.png" } });
    cluster.onCommand(() => ({ files: { "out.png": Uint8Array.of(1, 2) } }));
    assert.deepEqual([...(await client.submit(file).result())], [1, 2]);
  });
});
