/**
 * A client whose controller goes away and comes back, the same one or another.
 *
 * @module
 */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { afterEach, beforeEach, test } from "node:test";
import { emptyBlobs } from "../../src/base/blobs.ts";
import { type CapstanError, type Client, connect, gather } from "../../src/client/index.ts";
import { namedTasksMax } from "../../src/client/limits.ts";
import { ScriptedController, until } from "./scripted-controller.ts";
import { add, first } from "./tasks.ts";

let controller: ScriptedController;
let client: Client;

beforeEach(async () => {
  controller = await ScriptedController.start();
  client = await connect(controller.url, { user: "ada" });
});

afterEach(async () => {
  await client.close();
  await controller.close();
});

/** Until the client has heard what was sent, seen by a task that comes after it. */
async function hearsAllSoFar(): Promise<void> {
  const later = client.submit(add, [0, 0]);
  const { first } = await controller.take("submit");
  controller.sendResults({ [first]: 0 });
  await later.result();
}

test("after a reconnect what was not acknowledged is sent again, then what is wanted", async () => {
  const a = client.submit(add, [1, 1]);
  const durable = await controller.takeSubmit();
  const b = client.submit(add, [2, 2]);
  const lost = await controller.take("submit");
  b.cancel("changed my mind");
  const cancel = await controller.take("cancel");
  controller.untaken.length = 0;
  controller.cut();
  await until(() => controller.hellos.length === 2, "a second hello");
  assert.equal(controller.hellos[1].clientId, controller.hellos[0].clientId);
  assert.deepEqual(
    controller.hellos.map((hello) => hello.clusterId),
    ["", "cluster-1"],
  );
  await until(() => controller.untaken.length >= 4, "the replay");
  const types = controller.untaken.map(({ type }) => type);
  assert.deepEqual(types, ["define-spec", "submit", "cancel", "want"]);
  const again = await controller.takeSubmit();
  assert.deepEqual([again.sequence, again.first], [lost.sequence, 1]);
  assert.ok(again.sequence > durable.sequence);
  assert.equal((await controller.take("cancel")).sequence, cancel.sequence);
  assert.deepEqual([...(await controller.take("want")).tasks], [0, 1]);
  controller.sendResults({ 0: 2, 1: 4 });
  assert.deepEqual(await gather([a, b]), [2, 4]);
});

test("what is wanted of many tasks, or released, is said in several messages", async () => {
  const count = namedTasksMax + 5;
  const parts = [namedTasksMax, 5];
  const futures = client.map(add, Array(count).fill([1, 1]));
  await controller.take("submit");
  controller.untaken.length = 0;
  controller.cut();
  for (const length of parts) assert.equal((await controller.take("want")).tasks.length, length);
  for (const future of futures) future.release();
  for (const length of parts) assert.equal((await controller.take("release")).tasks.length, length);
});

test("what is submitted while the controller is away is sent when it is back", async () => {
  controller.cut();
  const future = client.submit(add, [1, 1]);
  const submit = await controller.takeSubmit();
  assert.equal(submit.first, 0);
  controller.sendResults({ 0: 2 });
  assert.equal(await future.result(), 2);
  assert.deepEqual(
    controller.untaken.filter(({ type }) => type === "want"),
    [],
  );
});

test("what was not acknowledged goes before what was submitted since, each once", async () => {
  client.submit(add, [1, 1]);
  await controller.take("submit");
  controller.untaken.length = 0;
  controller.cut();
  const later = [];
  while (controller.hellos.length < 2) {
    later.push(client.submit(add, [2, 2]));
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  const count = later.length + 1;
  const submits = () => controller.untaken.filter((message) => message.type === "submit");
  const numbers = () =>
    submits().flatMap(({ first, groupCounts }) => numbersFrom(first, groupCounts));
  await until(() => numbers().includes(count - 1), "all submits");
  assert.deepEqual(numbers(), [...Array(count).keys()]);
  const sequences = submits().map(({ sequence }) => sequence);
  assert.deepEqual(sequences, numbersFrom(1, [sequences.length]));
});

function numbersFrom(first: number, counts: Iterable<number>): number[] {
  const count = [...counts].reduce((sum, one) => sum + one, 0);
  return Array.from({ length: count }, (_, i) => first + i);
}

test("a release that may not have been heard is said again", async () => {
  const futures = client.map(add, [
    [1, 1],
    [2, 2],
  ]);
  await controller.takeSubmit();
  controller.sendResults({ 0: 2, 1: 4 });
  await gather(futures);
  futures[0].release();
  await controller.take("release");
  controller.cut();
  assert.deepEqual([...(await controller.take("release")).tasks], [0]);
  client.submit(add, [3, 3]);
  await controller.takeSubmit();
  controller.untaken.length = 0;
  controller.cut();
  await controller.take("want");
  assert.deepEqual(
    controller.untaken.filter(({ type }) => type === "release"),
    [],
  );
});

test("what is said of the old run does not settle a retried task", async () => {
  const future = client.submit(add, [1, 1]);
  await controller.takeSubmit();
  controller.cut();
  await controller.take("want"); // On its way while the failure is told and the retry is asked for.
  controller.sendFailures([0], { message: "told as it happened" });
  await assert.rejects(future.result(), { message: /told as it happened/ });
  future.retry();
  const outcome = future.result();
  const retry = await controller.take("retry");
  controller.sendFailures([0], { message: "an answer to the want" });
  await hearsAllSoFar();
  assert.equal(future.status, "pending");
  controller.accept(retry.sequence);
  controller.sendResults({ 0: 2 });
  assert.equal(await outcome, 2);
});

test("a retry that the greeting acknowledges is settled by what is told then", async () => {
  const future = client.submit(add, [1, 1]);
  await controller.takeSubmit();
  controller.sendFailures([0], {});
  await future.exception();
  future.retry();
  controller.sequence = (await controller.take("retry")).sequence;
  controller.cut();
  await controller.take("want");
  controller.sendFailures([0], { message: "the new run" });
  await assert.rejects(future.result(), { message: /the new run/ });
});

test("a refused retry leaves the outcome that there was", async () => {
  const future = client.submit(add, [1, 1]);
  await controller.takeSubmit();
  controller.sendFailures([0], {});
  await future.exception();
  future.retry();
  const { sequence } = await controller.take("retry");
  const error = { code: "INTERNAL", message: "a bug", details: null };
  controller.send({ type: "refused", sequence, error });
  assert.deepEqual([...(await controller.take("want")).tasks], [0]);
  controller.sendFailures([0], { message: "the old run" });
  await assert.rejects(future.result(), { message: /the old run/ });
});

test("an outcome that is told twice changes nothing", async () => {
  const future = client.submit(add, [1, 1]);
  await controller.takeSubmit();
  controller.sendResults({ 0: { x: 1 } });
  const value = await future.result();
  controller.cut();
  await until(() => controller.hellos.length === 2, "a second hello");
  controller.sendResults({ 0: { x: 1 } });
  const next = client.submit(add, [1, 1]);
  await controller.takeSubmit();
  controller.sendResults({ 1: 2 });
  await next.result();
  assert.equal(await future.result(), value);
});

test("a fresh cluster at the same address loses the open futures and takes new ones", async () => {
  const lost = client.submit(add, [1, 1]);
  const submit = await controller.takeSubmit();
  const rejected = assert.rejects(lost.result(), {
    code: "NOT_FOUND",
    message: /fresh cluster \(cluster-2, not cluster-1\)/,
  });
  controller.clusterId = "cluster-2";
  controller.sequence = 0;
  controller.bundles.clear();
  controller.untaken.length = 0;
  controller.cut();
  await rejected;
  assert.equal(lost.status, "lost");
  assert.throws(() => client.submit(add, [lost, 1]), { message: /lost/ });
  const future = client.submit(add, [2, 2]);
  const fresh = await controller.takeSubmit();
  assert.deepEqual([submit.first, fresh.first], [0, 1]);
  const { definition } = await controller.take("define-spec");
  assert.ok(definition.run.kind === "function" && controller.bundles.has(definition.run.bundle));
  controller.sendResults({ 1: 4 });
  assert.equal(await future.result(), 4);
});

test("a session that ended while its client was away begins anew, without futures", async () => {
  const lost = client.submit(add, [1, 1]);
  await controller.takeSubmit();
  const rejected = assert.rejects(lost.result(), { code: "NOT_FOUND", message: /graph-2/ });
  controller.jobId = "/ada/graph-2";
  controller.sequence = 0;
  controller.cut();
  await rejected;
  const future = client.submit(add, [2, 2]);
  assert.equal(lost.id, "/ada/graph-1/0");
  assert.equal(future.id, "/ada/graph-2/1");
  assert.equal((await controller.takeSubmit()).first, 1);
});

test("a call that changes something rejects when its answer is lost", async () => {
  const call = client.call("UnpublishValue", { name: "x" });
  await controller.take("call");
  const rejected = assert.rejects(call, { code: "UNREACHABLE", message: /UnpublishValue/ });
  controller.cut();
  await rejected;
});

test("a call that only looks is sent again when its answer is lost", async () => {
  const call = client.call("ListWorkers");
  await controller.take("call");
  controller.cut();
  const { id, method } = await controller.take("call");
  assert.equal(method, "ListWorkers");
  controller.send({ type: "reply", id, result: { workers: [] }, error: null });
  assert.deepEqual(await call, { workers: [] });
});

test("a bundle is brought over when the controller has trouble for a while", async () => {
  controller.refuseWith = 503;
  controller.refusalsLeft = 3;
  const future = client.submit(add, [1, 1]);
  await controller.takeSubmit();
  controller.sendResults({ 0: 2 });
  assert.equal(await future.result(), 2);
});

test("a bundle that the controller refuses rejects the tasks of its module", async () => {
  controller.refuseWith = 413;
  await assert.rejects(client.submit(add, [1, 1]).result(), {
    code: "TASK_MODULE_UNLOADABLE",
    message: /413/,
  });
});

test("a message that makes no sense ends the connection, and the next one goes on", async () => {
  const future = client.submit(add, [1, 1]);
  await controller.takeSubmit();
  controller.send({ type: "results", tasks: Uint32Array.of(0, 1), values: emptyBlobs });
  assert.deepEqual([...(await controller.take("want")).tasks], [0]);
  assert.equal(controller.hellos.length, 2);
  controller.sendResults({ 0: 2 });
  assert.equal(await future.result(), 2);
});

test("submits past the window of unacknowledged bytes wait for room", async () => {
  const bytes = new Uint8Array(30_000_000);
  for (let i = 0; i < 3; i++) client.submit(first, [[bytes]]);
  const { sequence } = await controller.take("submit");
  await controller.take("submit");
  const call = client.call("ListWorkers");
  const { id } = await controller.take("call");
  assert.deepEqual(
    controller.untaken.filter(({ type }) => type === "submit"),
    [],
  );
  controller.accept(sequence);
  assert.equal((await controller.take("submit")).first, 2);
  controller.send({ type: "reply", id, result: null, error: null });
  await call;
});

test("arguments that no message can carry are refused where they are submitted", () => {
  assert.throws(() => client.submit(first, [[new Uint8Array(63_000_000)]]), {
    code: "INVALID_ARGUMENT",
    message: /at most \d+ can travel with a call: client\.scatter brings a large one$/,
  });
});

test("a process ends by itself once its client is closed", async () => {
  const entry = new URL("../../src/client/index.ts", import.meta.url).href;
  const tasks = new URL("./tasks.ts", import.meta.url).href;
  const program = `
    const { connect } = await import(${JSON.stringify(entry)});
    const { add } = await import(${JSON.stringify(tasks)});
    const client = await connect(${JSON.stringify(controller.url)});
    console.log(await client.submit(add, [1, 1]).result());
    await client.close();`;
  const child = execFile(process.execPath, ["--input-type=module", "-e", program]);
  const ended = once(child, "close");
  await controller.takeSubmit();
  controller.sendResults({ 0: 2 });
  await controller.take("close-session");
  assert.deepEqual(await ended, [0, null]);
});

test("no controller is an error that says where", async () => {
  const gone = await ScriptedController.start();
  const { url } = gone;
  await gone.close();
  await assert.rejects(connect(url), (error: CapstanError) => {
    return error.code === "UNREACHABLE" && error.message.includes(url);
  });
  assert.throws(() => connect("localhost:7070"), { code: "INVALID_ARGUMENT" });
});

test("a module that connects while a worker imports it is told to move its tasks", () => {
  const mark = Symbol.for("capstan.importing");
  const globals = globalThis as { [mark]?: boolean };
  globals[mark] = true;
  try {
    assert.throws(() => connect(controller.url), { code: "TASK_MODULE_RUNS_PROGRAM" });
  } finally {
    globals[mark] = false;
  }
});
