/**
 * What a client says when tasks are submitted, and what it makes of the answers.
 *
 * @module
 */

import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { blobAt, blobCount } from "../../src/base/blobs.ts";
import { CapstanError, type Client, connect, defineTask } from "../../src/client/index.ts";
import { decodeArguments } from "../../src/shell/values/value-codec.ts";
import { ScriptedController, until } from "./scripted-controller.ts";
import { add, box, first, total } from "./tasks.ts";

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

function argsOf(submit: { args: Parameters<typeof blobAt>[0] }, row = 0): unknown {
  return decodeArguments(blobAt(submit.args, row), { input: (index) => `input ${index}` });
}

async function errorOf(promise: Promise<unknown>): Promise<CapstanError> {
  const error = await promise.then(
    () => assert.fail("it should have been rejected"),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof CapstanError, String(error));
  return error;
}

test("submits of one turn leave as one message, grouped by spec", async () => {
  const a = client.submit(add, [1, 2]);
  client.submit(add, [3, 4]);
  client.submit(total, [a, 5, a]);
  const submit = await controller.takeSubmit();
  assert.equal(submit.sequence, 1);
  assert.equal(submit.first, 0);
  assert.deepEqual([...submit.groupCounts], [2, 1]);
  assert.deepEqual(argsOf(submit, 1), [3, 4]);
  assert.deepEqual([...submit.dependencyCounts], [0, 0, 1]);
  assert.deepEqual([...submit.dependencies], [0]);
  assert.deepEqual(argsOf(submit, 2), ["input 0", 5, "input 0"]);
  assert.deepEqual(submit.keys, []);
});

test("a spec is defined once, before its first use, with its bundle already there", async () => {
  client.submit(add, [1, 2]);
  await controller.takeSubmit();
  const { definition, spec } = await controller.take("define-spec");
  assert.equal(spec, 0);
  assert.equal(definition.name, "add");
  assert.ok(definition.run.kind === "function");
  assert.equal(definition.run.functionName, "add");
  assert.ok(controller.bundles.has(definition.run.bundle));
  client.submit(add, [3, 4]);
  client.submit(add, [3, 4], { retries: 2 });
  await controller.takeSubmit();
  const second = await controller.take("define-spec");
  assert.equal(second.definition.maxRetriesFailure, 2);
  client.submit(add, [5, 6], { executor: "process" });
  await controller.takeSubmit();
  const third = await controller.take("define-spec");
  assert.deepEqual(third.definition.run, { ...definition.run, executor: "process" });
  assert.deepEqual(controller.untaken, []);
});

test("a result is decoded when it is asked for and is the same value every time", async () => {
  const future = client.submit(first, [[{ x: 1 }]]);
  assert.equal(future.status, "pending");
  await controller.takeSubmit();
  controller.send({ type: "started", tasks: Uint32Array.of(0) });
  await until(() => future.status === "running", "running");
  controller.sendResults({ 0: { x: 1 } });
  const value = await future.result();
  assert.deepEqual(value, { x: 1 });
  assert.equal(await future.result(), value);
  assert.equal(future.status, "succeeded");
  assert.equal(await future.exception(), null);
});

test("a future's key and id are those of its task", async () => {
  assert.equal(client.submit(add, [1, 2]).key, "/ada/graph-1/0");
  const named = client.submit(add, [1, 2], { key: "mine" });
  assert.deepEqual([named.key, named.id], ["mine", "/ada/graph-1/1"]);
  await controller.takeSubmit();
  const submit = await controller.takeSubmit();
  assert.deepEqual([submit.first, submit.keys], [1, ["mine"]]);
});

test("pure tasks of the same content have the same key, others another", async () => {
  const futures = [
    client.submit(add, [1, 2], { pure: true }),
    client.submit(add, [1, 2], { pure: true }),
    client.submit(add, [2, 1], { pure: true }),
    client.submit(total, [1, 2], { pure: true }),
  ];
  const keys: string[] = [];
  for (const _ of futures) keys.push(...(await controller.takeSubmit()).keys);
  assert.match(keys[0], /^pure-[0-9a-f]{64}$/);
  assert.equal(keys[0], keys[1]);
  assert.equal(new Set(keys).size, 3);
  assert.deepEqual(
    keys,
    futures.map((future) => future.key),
  );
});

test("a pure task's key depends on which inputs it has", async () => {
  const a = client.submit(add, [1, 2]);
  const b = client.submit(add, [1, 2]);
  client.submit(total, [a], { pure: true });
  client.submit(total, [b], { pure: true });
  await controller.takeSubmit();
  const [one] = (await controller.takeSubmit()).keys;
  const [other] = (await controller.takeSubmit()).keys;
  assert.notEqual(one, other);
});

test("a large map leaves in several messages", async () => {
  const futures = client.map(
    add,
    Array.from({ length: 40_000 }, (_, i) => [i, 1] as const),
  );
  const counts: number[] = [];
  for (let sum = 0; sum < 40_000; ) {
    const submit = await controller.takeSubmit();
    assert.equal(submit.first, sum);
    counts.push(blobCount(submit.args));
    sum += blobCount(submit.args);
  }
  assert.deepEqual(counts, [16_384, 16_384, 7_232]);
  assert.equal(futures.length, 40_000);
});

test("a map with one wrong argument list submits nothing and names it", async () => {
  const lists = [[1, 2] as const, [3, (() => 4) as never] as const];
  assert.throws(() => client.map(add, lists), {
    code: "UNSERIALISABLE",
    message: /args\[1\]\[1\]/,
  });
  const next = client.submit(add, [1, 2]);
  assert.equal(next.id, "/ada/graph-1/0");
  assert.equal((await controller.takeSubmit()).first, 0);
});

test("what cannot travel is refused where it is submitted, with its path", () => {
  const model = { fn: () => 1 };
  assert.throws(() => client.submit(first, [[{ model }]]), {
    code: "UNSERIALISABLE",
    message: /args\[0\]\[0\]\.model\.fn/,
  });
});

test("a wrong option is refused where it is submitted, by name", () => {
  const wrong: [object, string, RegExp][] = [
    [{ resurces: {} }, "INVALID_ARGUMENT", /resurces/],
    [{ resources: { cpu: -1 } }, "INVALID_ARGUMENT", /cpu/],
    [{ resources: { memory: "8 potatoes" } }, "INVALID_ARGUMENT", /8 potatoes/],
    [{ executor: "fibre" }, "INVALID_ARGUMENT", /executor/],
    [{ exclusive: true, retries: 2 }, "INVALID_SPEC", /exclusive/],
    [{ key: "" }, "INVALID_ARGUMENT", /key/],
    [{ key: "a", pure: true }, "INVALID_SPEC", /pure/],
    [{ pure: 1 }, "INVALID_ARGUMENT", /pure/],
  ];
  for (const [options, code, message] of wrong) {
    assert.throws(() => client.submit(add, [1, 2], options), { code, message });
  }
});

test("a function that is no task is refused by name", () => {
  function plain(): number {
    return 1;
  }
  assert.throws(() => client.submit(plain as never, []), {
    code: "INVALID_ARGUMENT",
    message: /"plain" is not a task/,
  });
});

test("a future of another client is refused", async () => {
  await using other = await connect(controller.url, { user: "ada" });
  const foreign = other.submit(add, [1, 2]);
  assert.throws(() => client.submit(add, [foreign, 1]), {
    code: "INVALID_ARGUMENT",
    message: /args\[0\].*another client/,
  });
});

test("more dependencies than a task may have are refused", () => {
  const inputs = client.map(
    add,
    Array.from({ length: 100_001 }, () => [1, 1] as const),
  );
  assert.throws(() => client.submit(total, inputs), { message: /more than 100000 futures/ });
});

test("a task that is not exported rejects its futures and their dependents", async () => {
  const lost = client.submit(box.hidden, [1]);
  const dependent = client.submit(add, [lost, 1]);
  const innocent = client.submit(add, [1, 1]);
  const error = await errorOf(lost.result());
  assert.equal(error.code, "TASK_MODULE_UNLOADABLE");
  assert.match(error.message, /export const hidden/);
  assert.equal(await errorOf(dependent.result()), error);
  assert.equal(lost.status, "failed");
  const submit = await controller.takeSubmit();
  assert.equal(submit.first, 2);
  controller.sendResults({ 2: 2 });
  assert.equal(await innocent.result(), 2);
});

test("a task of a module that is no file is refused", async () => {
  const ghost = defineTask("data:text/javascript,1", function ghost() {});
  const error = await errorOf(client.submit(ghost, []).result());
  assert.equal(error.code, "TASK_MODULE_UNLOADABLE");
});

test("a refused submit rejects its futures with the controller's error", async () => {
  const future = client.submit(add, [1, 2], { key: "taken" });
  const { sequence } = await controller.take("submit");
  const error = { code: "KEY_CONFLICT", message: "the key is taken", details: { key: "taken" } };
  controller.send({ type: "refused", sequence, error });
  const found = await errorOf(future.result());
  assert.deepEqual([found.code, found.message], ["KEY_CONFLICT", "the key is taken"]);
  assert.deepEqual(found.details, { key: "taken" });
});

test("what depends on a task that may be refused goes alone and fails with its error", async () => {
  const taken = client.submit(add, [1, 2], { key: "taken" });
  const dependent = client.submit(add, [taken, 1]);
  const innocent = client.submit(add, [1, 1]);
  const firsts: number[] = [];
  const refusals: [string, string][] = [
    ["KEY_CONFLICT", "taken"],
    ["UNKNOWN_DEPENDENCY", "0 is unknown"],
  ];
  for (const [code, message] of refusals) {
    const { sequence, first } = await controller.take("submit");
    controller.send({ type: "refused", sequence, error: { code, message, details: {} } });
    firsts.push(first);
  }
  firsts.push((await controller.takeSubmit()).first);
  assert.deepEqual(firsts, [0, 1, 2]);
  controller.sendResults({ 2: 2 });
  assert.equal(await innocent.result(), 2);
  assert.equal(await errorOf(dependent.result()), await errorOf(taken.result()));
  const late = client.submit(add, [taken, 1]);
  assert.equal((await errorOf(late.result())).code, "KEY_CONFLICT");
});

test("what depends on a keyed task that is durable shares its message with others", async () => {
  const keyed = client.submit(add, [1, 2], { key: "mine" });
  await controller.takeSubmit();
  controller.sendResults({ 0: 3 });
  await keyed.result();
  client.map(add, [
    [keyed, 1],
    [keyed, 2],
  ]);
  assert.equal(blobCount((await controller.takeSubmit()).args), 2);
});

test("calling a task runs its function here", () => {
  assert.equal(add(1, 2), 3);
});

test("a function without a name is no task", () => {
  assert.throws(() => defineTask(import.meta.url, () => 1), { code: "INVALID_ARGUMENT" });
  assert.equal(defineTask(import.meta.url, () => 1, { name: "one" }).name, "one");
});
