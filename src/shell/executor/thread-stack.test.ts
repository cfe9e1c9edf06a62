/**
 * Where a thread is, seen from outside: in a loop without an end, asleep, waiting, gone.
 *
 * @module
 */

import assert from "node:assert/strict";
import { once } from "node:events";
import { after, test } from "node:test";
import { Worker } from "node:worker_threads";
import { readThreadStack, type ThreadStack } from "./thread-stack.ts";

const workers: Worker[] = [];

after(() => Promise.all(workers.map((worker) => worker.terminate())));

/** A thread that says when it is about to run what follows. */
async function aThread(name: string, source: string): Promise<Worker> {
  const head =
    'const { parentPort } = require("node:worker_threads"); parentPort.postMessage("go");';
  const worker = new Worker(`${head}\n${source}`, { eval: true, name });
  workers.push(worker);
  await once(worker, "message");
  return worker;
}

type StackOf<T extends ThreadStack["type"]> = Extract<ThreadStack, { type: T }>;

/** On a busy machine a thread may not be there in time: then it is asked again. */
async function stackOnce<T extends ThreadStack["type"]>(
  name: string,
  type: T,
): Promise<StackOf<T>> {
  const deadlineMs = Date.now() + 60_000;
  for (;;) {
    const stack = await readThreadStack(name);
    if (stack.type === type) return stack as StackOf<T>;
    assert.ok(Date.now() < deadlineMs, `${name} is ${type}, not ${stack.type}`);
  }
}

test("a loop that never ends shows its calls, innermost first, and goes on", async () => {
  const counter = new Int32Array(new SharedArrayBuffer(4));
  const worker = await aThread(
    "(busy 1)",
    `parentPort.once("message", ({ counter }) => {
       function inner() { Atomics.add(counter, 0, 1); return Math.sqrt(2); }
       function outer() { let sum = 0; for (;;) sum += inner(); }
       outer();
     });`,
  );
  worker.postMessage({ counter });
  while (Atomics.load(counter, 0) === 0) await new Promise(setImmediate);
  const stack = await stackOnce("(busy 1)", "in-javascript");
  const names = stack.frames.map((frame) => frame.function);
  assert.ok(names.includes("outer"), names.join());
  assert.ok(stack.frames.every(({ line, column }) => line > 0 && column > 0));
  const before = Atomics.load(counter, 0);
  while (Atomics.load(counter, 0) === before) await new Promise(setImmediate);
});

test("the thread of the name is looked at, and no other", async () => {
  await aThread("(thread 2)", "(function other() { for (let i = 0; ; i++) i |= 1; })();");
  await aThread("(thread 22)", "(function wanted() { for (let i = 0; ; i++) i |= 1; })();");
  const stack = await stackOnce("(thread 22)", "in-javascript");
  assert.ok(stack.frames.some((frame) => frame.function === "wanted"));
});

test("a thread that sleeps in its event loop says for what it waits", async () => {
  await aThread("(idle 3)", "setTimeout(() => {}, 1e9);");
  const stack = await stackOnce("(idle 3)", "waiting");
  assert.deepEqual(stack, { type: "waiting", waitsFor: ["Timeout"] });
});

test("a thread that was looked at while it slept is not stopped when it wakes", async () => {
  const worker = await aThread(
    "(echo 4)",
    `parentPort.on("message", (text) => parentPort.postMessage(text + "!"));`,
  );
  await readThreadStack("(echo 4)");
  worker.postMessage("awake");
  assert.deepEqual(await once(worker, "message"), ["awake!"]);
});

test("a thread that is not there is said to be gone", async () => {
  assert.deepEqual(await readThreadStack("(nobody)"), { type: "gone" });
});
