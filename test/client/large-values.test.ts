/**
 * Values that stay with a worker until somebody asks, and handles that nobody holds any more.
 *
 * @module
 */

import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { type Client, connect, gather } from "../../src/client/index.ts";
import type { TaskRef } from "../../src/model/ids.ts";
import { type DataListener, startDataListener } from "../../src/shell/data-plane/data-listener.ts";
import { encodeValue } from "../../src/shell/values/value-codec.ts";
import { ScriptedController, until } from "./scripted-controller.ts";
import { add, first } from "./tasks.ts";

let controller: ScriptedController;
let client: Client;
let worker: DataListener;
let held: Map<TaskRef, Uint8Array>;

beforeEach(async () => {
  controller = await ScriptedController.start();
  client = await connect(controller.url, { user: "ada" });
  held = new Map();
  worker = await aWorker();
});

afterEach(async () => {
  await client.close();
  await worker.close();
  await controller.close();
});

function aWorker(): Promise<DataListener> {
  const source = { get: (task: TaskRef) => held.get(task) };
  return startDataListener({ host: "127.0.0.1", port: 0, source });
}

/** Tells the client that worker 3 at this port has the value of `task` under `ref`. */
function locate(task: number, ref: TaskRef, port: number, sizeBytes = 0): void {
  const peer = { workerId: "worker-3", incarnation: "i", address: `127.0.0.1:${port}` };
  controller.send(
    { type: "peer", index: 3, ...peer },
    {
      type: "located",
      tasks: Uint32Array.of(task),
      refs: Float64Array.of(ref),
      sizes: Float64Array.of(sizeBytes),
      holders: Uint32Array.of(3),
    },
  );
}

function aLargeValue(): Float64Array {
  return Float64Array.from({ length: 100_000 }, (_, i) => i);
}

test("a large value is fetched from its worker when it is asked for, and once", async () => {
  const future = client.submit(first, [[1]]);
  await controller.takeSubmit();
  held.set(17, encodeValue(aLargeValue(), { root: "result" }));
  locate(0, 17, worker.port);
  assert.equal(await future.exception(), null);
  const [one, other] = await Promise.all([future.result(), future.result()]);
  assert.deepEqual(one, aLargeValue());
  assert.equal(one, other);
  held.clear();
  assert.deepEqual(await gather([future, future]), [one, one]);
});

test("a value whose holder is gone is asked for again and found elsewhere", async () => {
  const future = client.submit(first, [[1]]);
  await controller.takeSubmit();
  const gone = await aWorker();
  await gone.close();
  locate(0, 17, gone.port);
  const value = future.result();
  assert.deepEqual([...(await controller.take("want")).tasks], [0]);
  locate(0, 18, worker.port);
  assert.deepEqual([...(await controller.take("want")).tasks], [0]);
  held.set(19, encodeValue("here", { root: "result" }));
  locate(0, 19, worker.port);
  assert.equal(await value, "here");
});

test("a value that was lost for good fails with what the controller says", async () => {
  const future = client.submit(first, [[1]]);
  await controller.takeSubmit();
  locate(0, 17, worker.port);
  const value = future.result();
  await controller.take("want");
  controller.sendFailures([0], { code: "WORKER_DIED", message: "it is gone" });
  await assert.rejects(value, { code: "WORKER_DIED", message: "it is gone" });
  assert.deepEqual(await gather([future], { errors: "skip" }), []);
});

test("a wait for a large value ends when it is told to, and the fetch goes on", async () => {
  const future = client.submit(first, [[1]]);
  await controller.takeSubmit();
  locate(0, 17, worker.port);
  await assert.rejects(future.result({ timeoutMs: 20 }), { code: "TIMED_OUT" });
  await controller.take("want");
  controller.sendResults({ 0: "inline now" });
  assert.equal(await future.result(), "inline now");
});

test("a located value is lost with its client", async () => {
  const future = client.submit(first, [[1]]);
  await controller.takeSubmit();
  locate(0, 17, worker.port);
  await until(() => future.status === "succeeded", "the value is located");
  await client.close();
  await assert.rejects(future.result(), { code: "CLIENT_CLOSED" });
});

test("a future that nobody holds gives its task's value back", async () => {
  setFlagsFromString("--expose-gc");
  const collect: () => void = runInNewContext("gc");
  const kept = client.submit(add, [1, 1]);
  for (let i = 0; i < 10; i++) client.submit(add, [i, i]);
  await controller.takeSubmit();
  const released = new Set<number>();
  await until(() => {
    collect();
    for (const message of controller.untaken) {
      if (message.type === "release") for (const task of message.tasks) released.add(task);
    }
    return released.size === 10;
  }, "ten releases");
  assert.equal(released.has(0), false);
  controller.sendResults({ 0: 2 });
  assert.equal(await kept.result(), 2);
});

test("a result that is awaited keeps its future alive", async () => {
  setFlagsFromString("--expose-gc");
  const collect: () => void = runInNewContext("gc");
  const value = client.submit(add, [1, 1]).result();
  const other = client.submit(add, [2, 2]);
  await controller.takeSubmit();
  client.submit(add, [3, 3]);
  await until(() => {
    collect();
    return controller.untaken.some(({ type }) => type === "release");
  }, "a release of what nobody holds");
  controller.sendResults({ 0: 2, 1: 4 });
  assert.deepEqual([await value, await other.result()], [2, 4]);
});
