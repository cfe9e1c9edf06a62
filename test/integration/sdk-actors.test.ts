/**
 * Actors on a real cluster: an object in a thread of its own, its calls, and its end.
 *
 * @module
 */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import {
  type Client,
  connect,
  type Future,
  gather,
  type LocalCluster,
  startLocalCluster,
  TaskError,
} from "../../src/client/index.ts";
import { Counter, double, whenThere } from "./actor-tasks.ts";

let cluster: LocalCluster;
let client: Client;
const directory = mkdtempSync(join(tmpdir(), "capstan-actors-"));

before(async () => {
  cluster = await startLocalCluster({ workers: 2, threads: 1 });
  client = await connect(cluster.url, { token: cluster.token });
});

after(async () => {
  await client?.close();
  await cluster?.close();
  rmSync(directory, { recursive: true, force: true });
});

test("calls keep their order and the object its state, many of them on their way", async () => {
  using counter = client.createActor(Counter, [10]);
  const sums = Array.from({ length: 500 }, () => counter.call("add", [1]));
  assert.deepEqual(
    await gather(sums),
    sums.map((_, i) => 11 + i),
  );
  const { worker } = await counter.methods.where().result();
  const others = await gather([1, 2, 3].map(() => counter.methods.where()));
  assert.ok(others.every((one) => one.worker === worker));
});

test("who waits for the end of an actor does not keep it alive", async () => {
  const counter = client.createActor(Counter, [0]);
  await counter.call("add", [1]).result();
  const { id } = counter;
  const why = counter.ended();
  counter.release();
  const [error, later] = [await why, await counter.ended()];
  assert.deepEqual([error.code, later.code], ["TASK_CANCELLED", "TASK_CANCELLED"]);
  const isThere = async () =>
    (await client.workers()).some(({ runningTaskIds }) => runningTaskIds.includes(id));
  while (await isThere()) await new Promise((resolve) => setTimeout(resolve, 20));
});

test("what cannot be said of an actor, or to one, is refused by its name", async () => {
  using counter = client.createActor(Counter, [0]);
  const create = (options: object) => () => client.createActor(Counter, [0], options);
  for (const option of ["exclusive", "executor", "timeout"]) {
    const message = new RegExp(`^${option}: means nothing for an actor`);
    assert.throws(create({ [option]: true }), { code: "INVALID_SPEC", message });
  }
  assert.throws(create({ restart: 2 }), { message: /did you mean "restarts"\? Known: resources/ });
  for (const method of ["", 5, "x".repeat(201), Symbol("s")]) {
    const call = () => counter.call(method as "add", [1]);
    assert.throws(call, { code: "INVALID_ARGUMENT", message: /^method: / });
  }
  const none = counter as unknown as Future<number>;
  const message = /^future: an object is not a future/;
  await assert.rejects(client.publish("counter", none), { code: "INVALID_ARGUMENT", message });
  await assert.rejects(client.replicate(none, 2), { code: "INVALID_ARGUMENT", message });
  await assert.rejects(gather([none]), { code: "INVALID_ARGUMENT", message });
});

test("an asynchronous call ends before the next one begins", async () => {
  using counter = client.createActor(Counter, [0]);
  const first = counter.call("slowly", ["one", 20]);
  const second = counter.call("slowly", ["two", 1]);
  assert.deepEqual(await first.result(), ["one begins", "one ends"]);
  assert.deepEqual(await second.result(), ["one begins", "one ends", "two begins", "two ends"]);
});

test("a call that waits for an argument holds back those behind it, and why says so", async () => {
  using counter = client.createActor(Counter, [0]);
  await counter.call("add", [1]).result();
  const path = join(directory, "argument");
  const argument = client.submit(whenThere, [path]);
  const [waits, behind] = [counter.call("add", [argument]), counter.call("add", [100])];
  const isBehind = async () => (await behind.explain()).summary.includes(waits.id);
  while (!(await isBehind())) await new Promise((resolve) => setTimeout(resolve, 10));
  const { wakers, summary } = await behind.explain();
  assert.match(summary, /waits for its turn: .* goes before it/);
  assert.deepEqual(
    wakers.slice(0, 2).map(({ id }) => id),
    [waits.id, argument.id],
  );
  writeFileSync(path, "");
  assert.deepEqual(await gather([waits, behind]), [8, 108]);
});

test("a call that throws fails only itself", async () => {
  using counter = client.createActor(Counter, [0]);
  const failing = counter.call("fail", ["oops"]);
  const next = counter.call("add", [1]);
  await assert.rejects(failing.result(), (error) => {
    assert.ok(error instanceof TaskError && error.code === "TASK_FAILED");
    assert.match(error.message, /Counter\.fail: TypeError: oops/);
    return true;
  });
  assert.equal(await next.result(), 1);
});

test("what ends the thread ends the actor, and every call hears of it", async () => {
  const counter = client.createActor(Counter, [0]);
  await counter.call("add", [1]).result();
  const [exit, queued] = [counter.call("exit", [3]), counter.call("add", [1])];
  await assert.rejects(exit.result(), /exit code 3/);
  await assert.rejects(queued.result(), { code: "ACTOR_LOST" });
  assert.match(String(await counter.ended()), /its thread ended under a call/);
  assert.equal(counter.status, "failed");
  await assert.rejects(counter.call("add", [1]).result(), /its thread ended under a call/);
});

test("an object that cannot be made fails its calls with the reason", async () => {
  const counter = client.createActor(Counter, [-1]);
  await assert.rejects(counter.call("add", [1]).result(), /a counter begins at zero/);
});

test("a restarted actor begins with a new object", async () => {
  using counter = client.createActor(Counter, [0], { restarts: 1 });
  await counter.call("add", [41]).result();
  await counter.call("exit", [0]).exception();
  assert.equal(await counter.call("add", [1]).result(), 1);
});

test("a cancelled call leaves the object alone, a cancelled actor ends what waits", async () => {
  const counter = client.createActor(Counter, [0]);
  await counter.call("add", [1]).result();
  const argument = client.submit(whenThere, [join(directory, "not-yet")]);
  const [cancelled, kept] = [counter.call("add", [argument]), counter.call("add", [10])];
  cancelled.cancel();
  assert.equal((await cancelled.exception())?.code, "TASK_CANCELLED");
  assert.equal(await kept.result(), 11, "nothing holds it back any more");
  argument.cancel();
  counter.cancel("enough");
  assert.match(String(await counter.ended()), /enough/);
  assert.match(String(await counter.call("add", [1]).exception()), /enough/);
});

test("a released actor answers its calls, ends, and frees what it held", async () => {
  const counter = client.createActor(Counter, [0], { resources: { memory: "1m" } });
  await counter.call("add", [1]).result();
  const held = async () => {
    const workers = (await client.workers()) as unknown as readonly WorkerMemory[];
    return workers.reduce((sum, { committed }) => sum + committed.memoryBytes, 0);
  };
  assert.equal(await held(), 2 ** 20);
  const last = counter.call("slowly", ["one", 20]);
  counter.release();
  assert.deepEqual(await last.result(), ["one begins", "one ends"]);
  while ((await held()) > 0) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.throws(() => counter.call("add", [1]), { code: "INVALID_ARGUMENT" });
});

interface WorkerMemory {
  readonly committed: { readonly memoryBytes: number };
}

test("actors take no thread from tasks, and are no arguments", async () => {
  using counter = client.createActor(Counter, [0]);
  using other = client.createActor(Counter, [0]);
  await gather([counter.call("add", [1]), other.call("add", [1])]);
  assert.deepEqual(await gather(client.map(double, [[1], [2], [3]])), [2, 4, 6]);
  assert.throws(() => client.submit(double, [counter as never]), { code: "UNSERIALISABLE" });
  assert.throws(() => client.submit(Counter as never, [0] as never), /the actor "Counter"/);
  assert.throws(() => client.createActor(double as never, [] as never), /no actor/);
  const wrong = { retries: 1 } as object;
  assert.throws(() => client.createActor(Counter, [0], wrong), { code: "INVALID_SPEC" });
});

test("the loss of its worker ends an actor and its calls, with the worker's name", async () => {
  const counter = client.createActor(Counter, [0]);
  const { worker } = await counter.methods.where().result();
  const spinning = counter.call("until", [join(directory, "nowhere")]);
  const queued = counter.call("add", [1]);
  const found = (await client.workers()).find(({ workerId }) => workerId === worker);
  process.kill(found?.pid ?? 0, "SIGKILL");
  for (const call of [spinning, queued]) {
    const error = await call.exception();
    assert.equal(error?.code, "ACTOR_LOST");
    assert.ok(error.message.includes(`ended on ${worker}`), error.message);
  }
  assert.match(String(await counter.ended()), /1 worker died under it/);
});
