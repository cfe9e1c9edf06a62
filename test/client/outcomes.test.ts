/**
 * What a caller gets from its futures: values, errors, waits, cancels, retries, releases.
 *
 * @module
 */

import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import {
  asCompleted,
  CapstanError,
  type Client,
  connect,
  type Future,
  gather,
  TaskError,
  wait,
} from "../../src/client/index.ts";
import { aFailure, ScriptedController, until } from "./scripted-controller.ts";
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

/** Submits `count` tasks, which the controller has accepted. */
async function someTasks(count: number): Promise<Future<number>[]> {
  const futures = client.map(
    add,
    Array.from({ length: count }, (_, i) => [i, i] as const),
  );
  await controller.takeSubmit();
  return futures;
}

test("a task error carries its causes, worker, exit and the tail of stderr", async () => {
  const [future] = await someTasks(1);
  controller.sendFailures([0], {
    message: "add: no more",
    blame: "/ada/graph-1/0",
    workerId: "worker-2",
    attempts: 3,
    failure: {
      error: {
        name: "RangeError",
        message: "no more",
        stack: "RangeError: no more\n    at add",
        causes: [
          { name: "TypeError", message: "not a number" },
          { name: "MyError", message: "deep" },
        ],
      },
      exitCode: 7,
      signal: "SIGKILL",
      oom: false,
      stderrTail: "last words",
    },
  });
  const error = await future.exception();
  assert.ok(error instanceof TaskError && error instanceof CapstanError);
  assert.deepEqual(
    [error.code, error.message, error.name],
    ["TASK_FAILED", "add: no more", "TaskError"],
  );
  assert.deepEqual([error.task, error.blame], ["/ada/graph-1/0", "/ada/graph-1/0"]);
  assert.deepEqual([error.worker, error.attempts], ["worker-2", 3]);
  assert.deepEqual([error.exitCode, error.signal], [7, "SIGKILL"]);
  assert.equal(error.stderrTail, "last words");
  const cause = error.cause as Error;
  assert.deepEqual([cause.name, cause.message], ["RangeError", "no more"]);
  assert.match(cause.stack ?? "", /at add/);
  const second = cause.cause as Error;
  assert.deepEqual([second.name, second.message], ["TypeError", "not a number"]);
  assert.equal((second.cause as Error).name, "MyError");
  assert.equal(future.status, "failed");
  await assert.rejects(future.result(), error);
});

test("dependents that failed for one root have one cause and their own id", async () => {
  const [, b, c] = await someTasks(3);
  controller.sendFailures([0, 1, 2], { blame: "/ada/graph-1/0" });
  const errors = [await b.exception(), await c.exception()] as TaskError[];
  assert.deepEqual(
    errors.map((error) => error.task),
    ["/ada/graph-1/1", "/ada/graph-1/2"],
  );
  assert.deepEqual(
    errors.map((error) => error.blame),
    ["/ada/graph-1/0", "/ada/graph-1/0"],
  );
});

test("a wait that takes too long rejects and the task goes on", async () => {
  const [future] = await someTasks(1);
  await assert.rejects(future.result({ timeoutMs: 5 }), { code: "TIMED_OUT" });
  await assert.rejects(gather([future], { timeoutMs: 5 }), { code: "TIMED_OUT" });
  await assert.rejects(wait([future], { timeoutMs: 5 }), { code: "TIMED_OUT" });
  await assert.rejects(
    async () => {
      for await (const _ of asCompleted([future], { timeoutMs: 5 })) assert.fail("nothing ended");
    },
    { code: "TIMED_OUT" },
  );
  controller.sendResults({ 0: 1 });
  assert.equal(await future.result({ timeoutMs: 5_000 }), 1);
});

test("an aborted wait rejects with the signal's reason", async () => {
  const [future] = await someTasks(1);
  const abort = new AbortController();
  const waits = [
    future.result({ signal: abort.signal }),
    gather([future], { signal: abort.signal }),
  ];
  abort.abort(new Error("enough"));
  for (const promise of waits) await assert.rejects(promise, { message: "enough" });
  await assert.rejects(future.result({ signal: abort.signal }), { message: "enough" });
});

test("gather returns values in order, whatever order they come in", async () => {
  const futures = await someTasks(3);
  const values = gather(futures);
  controller.sendResults({ 2: "c" });
  controller.sendResults({ 0: "a", 1: "b" });
  assert.deepEqual(await values, ["a", "b", "c"]);
  assert.deepEqual(await gather([futures[1], futures[1]]), ["b", "b"]);
  assert.deepEqual(await gather([]), []);
});

test("gather rejects at the first failure, skips it, or returns it, as it is told", async () => {
  const futures = await someTasks(3);
  const raised = gather(futures);
  controller.sendFailures([1], { message: "one is bad" });
  await assert.rejects(raised, { message: "one is bad" });
  assert.equal(futures[0].status, "pending");
  controller.sendResults({ 0: "a", 2: "c" });
  assert.deepEqual(await gather(futures, { errors: "skip" }), ["a", "c"]);
  const values = await gather(futures, { errors: "values" });
  assert.ok(values[1] instanceof TaskError);
  assert.deepEqual([values[0], values[2]], ["a", "c"]);
});

test("wait tells what is done and never throws what a task threw", async () => {
  const futures = await someTasks(3);
  controller.sendFailures([1], {});
  const one = await wait(futures, { count: "first" });
  assert.deepEqual([one.done, one.pending], [[futures[1]], [futures[0], futures[2]]]);
  controller.sendResults({ 0: 0, 2: 2 });
  const all = await wait(futures);
  assert.deepEqual([all.done, all.pending], [futures, []]);
});

test("asCompleted gives each future once, as it ends, and takes more on the way", async () => {
  const futures = await someTasks(3);
  const completions = asCompleted([futures[0], futures[1], futures[0]]);
  const order: string[] = [];
  controller.sendResults({ 1: 1 });
  for await (const future of completions) {
    order.push(future.id.slice(-1));
    if (order.length === 1) completions.add(futures[2]);
    if (order.length === 1) controller.sendFailures([2], {});
    if (order.length === 2) controller.sendResults({ 0: 0 });
  }
  assert.deepEqual(order, ["1", "2", "0"]);
  assert.equal(completions.size, 0);
});

test("a cancel names its tasks and reason once a turn, and the future says cancelled", async () => {
  const [a, b, c] = await someTasks(3);
  controller.sendResults({ 2: 2 });
  await c.result();
  a.cancel("not needed");
  b.cancel("not needed");
  c.cancel("too late");
  const cancel = await controller.take("cancel");
  assert.deepEqual([cancel.tasks, cancel.reason], [[0, 1], "not needed"]);
  controller.sendFailures([0], { code: "TASK_CANCELLED", message: "not needed" }, "KILLED");
  await assert.rejects(a.result(), { code: "TASK_CANCELLED", message: "not needed" });
  assert.equal(a.status, "cancelled");
  assert.deepEqual(
    controller.untaken.filter(({ type }) => type === "cancel"),
    [],
  );
});

test("a retried future is pending again and has the new outcome", async () => {
  const [future] = await someTasks(1);
  future.retry();
  controller.sendFailures([0], {});
  await future.exception();
  future.retry();
  assert.equal(future.status, "pending");
  assert.deepEqual((await controller.take("retry")).tasks, [0]);
  controller.sendResults({ 0: 9 });
  assert.equal(await future.result(), 9);
  assert.deepEqual(
    controller.untaken.filter(({ type }) => type === "retry"),
    [],
  );
});

test("a released future gives its task's value back, once, and has no result", async () => {
  const futures = await someTasks(2);
  futures[0].release();
  futures[0][Symbol.dispose]();
  assert.deepEqual([...(await controller.take("release")).tasks], [0]);
  await assert.rejects(futures[0].result(), { code: "INVALID_ARGUMENT", message: /released/ });
  assert.throws(() => client.submit(add, [futures[0], 1]), { message: /released/ });
  assert.deepEqual(
    controller.untaken.filter(({ type }) => type === "release"),
    [],
  );
});

test("a result that is awaited outlives the release of its future", async () => {
  const [future] = await someTasks(1);
  const value = future.result();
  future.release();
  controller.sendResults({ 0: 5 });
  assert.equal(await value, 5);
  assert.deepEqual([...(await controller.take("release")).tasks], [0]);
});

test("a release follows the submit that uses the value as an input", async () => {
  const [input] = await someTasks(1);
  client.submit(add, [input, 1]);
  input.release();
  await until(() => controller.untaken.length >= 2, "both messages");
  assert.deepEqual(controller.untaken.map(({ type }) => type).slice(-2), ["submit", "release"]);
});

test("a future is not thenable", async () => {
  const [future] = await someTasks(1);
  assert.equal(await (async () => future)(), future);
  assert.ok(!("then" in future));
});

test("explain, story and workers ask the controller", async () => {
  const [future] = await someTasks(1);
  const asked = Promise.all([future.explain(), future.story(), client.workers()]);
  const calls = [];
  for (let i = 0; i < 3; i++) calls.push(await controller.take("call"));
  assert.deepEqual(
    calls.map(({ method, request }) => [method, request]),
    [
      ["Explain", { id: "/ada/graph-1/0" }],
      ["GetStory", { id: "/ada/graph-1/0" }],
      ["ListWorkers", {}],
    ],
  );
  const results = [{ summary: "running" }, { entries: [] }, { workers: [], nextPageToken: "" }];
  for (const [i, { id }] of calls.entries()) {
    controller.send({ type: "reply", id, result: results[i], error: null });
  }
  assert.deepEqual(await asked, [{ summary: "running" }, { entries: [] }, []]);
});

test("explain and story are asked behind the submit that waits for its module", async () => {
  controller.refuseWith = 503;
  const future = client.submit(add, [1, 2]);
  const asked = Promise.all([future.explain(), future.story()]);
  const workers = client.call("ListWorkers");
  const others = await controller.take("call");
  controller.send({ type: "reply", id: others.id, result: { workers: [] }, error: null });
  await workers;
  assert.deepEqual([others.method, controller.untaken], ["ListWorkers", []]);
  controller.refuseWith = 0;
  await until(() => controller.untaken.length >= 4, "the submit and both questions");
  const said = controller.untaken.map((message) =>
    message.type === "call" ? message.method : message.type,
  );
  assert.deepEqual(said, ["define-spec", "submit", "Explain", "GetStory"]);
  for (const result of [{ summary: "queued" }, { events: [] }]) {
    const { id } = await controller.take("call");
    controller.send({ type: "reply", id, result, error: null });
  }
  assert.deepEqual(await asked, [{ summary: "queued" }, { events: [] }]);
});

test("explain of a task whose submit is refused rejects with the refusal", async () => {
  const explained = assert.rejects(client.submit(add, [1, 2], { key: "taken" }).explain(), {
    code: "KEY_CONFLICT",
    message: "the key is taken",
  });
  const { sequence } = await controller.take("submit");
  const { id } = await controller.take("call");
  const refusal = { code: "KEY_CONFLICT", message: "the key is taken", details: {} };
  controller.send({ type: "refused", sequence, error: refusal });
  const error = { code: "NOT_FOUND", message: "no such task", details: {} };
  controller.send({ type: "reply", id, result: null, error });
  await explained;
});

test("explain of a task that was not sent yet ends with its client", async () => {
  controller.refuseWith = 503;
  const explained = client.submit(add, [1, 2]).explain();
  const rejected = assert.rejects(explained, { code: "CLIENT_CLOSED" });
  await client.close();
  await rejected;
});

test("a call that the controller refuses rejects with its error", async () => {
  const call = client.call("Explain", { id: "/none" });
  const { id } = await controller.take("call");
  const error = { code: "NOT_FOUND", message: "no such task", details: {} };
  controller.send({ type: "reply", id, result: null, error });
  await assert.rejects(call, { code: "NOT_FOUND", message: "no such task" });
});

test("a closed client says so and rejects what is open; values that are here stay", async () => {
  const [here, open] = await someTasks(2);
  controller.sendResults({ 0: 1 });
  await wait([here]);
  const waits = [open.result(), gather([open]), wait([open]), client.call("ListWorkers")];
  const rejected = waits.map((promise) => assert.rejects(promise, { code: "CLIENT_CLOSED" }));
  await client.close();
  await Promise.all(rejected);
  await controller.take("close-session");
  assert.equal(await here.result(), 1);
  assert.equal(open.status, "lost");
  assert.throws(() => client.submit(add, [1, 2]), { code: "CLIENT_CLOSED" });
});

test("results of many sizes are kept and decoded", async () => {
  const sizes = [0, 1, 1_000, 2_000, 60_000];
  const futures = client.map(
    first,
    sizes.map((size) => [[size]] as const),
  );
  await controller.takeSubmit();
  const values = sizes.map((size) => "x".repeat(size));
  controller.sendResults({ ...values });
  assert.deepEqual(await gather(futures), values);
});

test("an unknown failure code of a newer controller is a failed task", async () => {
  const [future] = await someTasks(1);
  controller.send({
    type: "failures",
    tasks: [0],
    causes: [0],
    failures: [aFailure({ code: "TASK_EVAPORATED" })],
    states: ["FAILED"],
  });
  const error = await future.exception();
  assert.equal(error?.code, "TASK_FAILED");
  assert.equal(error?.details.code, "TASK_EVAPORATED");
});
