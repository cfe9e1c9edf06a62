/**
 * Errors that nobody caught, in real threads and processes: whose they are, and who is left alone.
 *
 * @module
 */

import assert from "node:assert/strict";
import { after, describe, it, type TestContext } from "node:test";
import { BundleDirectory } from "../../../test/shell/bundle-directory.ts";
import { FunctionProcesses } from "../../../test/shell/function-processes.ts";
import { RecordingSink } from "../../../test/shell/recording-sink.ts";
import { encodeArguments } from "../values/value-codec.ts";
import { ActorExecutor } from "./actor-executor.ts";
import { type ExecutionOrder, noPlugins } from "./execution.ts";
import { ExecutorStarts } from "./executor-starts.ts";
import { leftoverErrorsBurstMax } from "./limits.ts";
import { ThreadExecutor } from "./thread-executor.ts";

const contextUrl = JSON.stringify(import.meta.resolve("./context.ts"));
const bundles = new BundleDirectory();
after(() => bundles[Symbol.dispose]());

/** Ways of leaving something behind, each of which says when it has gone off. */
const leftovers: readonly (readonly [string, string, RegExp])[] = [
  [
    "an exception in a timer",
    "setTimeout(() => { globalThis.hasFired = true; throw new Error('stray') }, 30).unref()",
    /guilty, which has ended: Error: stray/,
  ],
  [
    "a promise that is rejected",
    "later().then(() => { globalThis.hasFired = true; throw new TypeError('stray') })",
    /guilty, which has ended: TypeError: stray/,
  ],
  [
    "an error event",
    "later().then(() => { globalThis.hasFired = true; new EventEmitter().emit('error', 17) })",
    /guilty, which has ended: Error: Unhandled error. \(17\)/,
  ],
  [
    "process.exit in a timer",
    "setTimeout(() => { globalThis.hasFired = true; process.exit(3) }, 30).unref()",
    /guilty, which has ended: ExitRefused: process.exit\(3\)/,
  ],
];

const extra = `
  import { EventEmitter } from "node:events";
  import { setTimeout as sleep } from "node:timers/promises";
  import { threadId } from "node:worker_threads";
  const later = () => sleep(30, undefined, { ref: false });
  const fired = async () => { while (globalThis.hasFired !== true) await sleep(5); };
  const where = () => process.pid + ":" + threadId;
`;

/** What runs when it goes off, and for a while after that. */
const innocent = "async () => { await fired(); await sleep(50); return where(); }";

function anOrder(
  execution: number,
  bundlePath: string,
  functionName: string,
  overrides: Partial<ExecutionOrder> = {},
): ExecutionOrder {
  const args = encodeArguments([], { root: "args" });
  const identity = { execution, lane: 0, attempt: 100 + execution, task: 200 + execution };
  const call = { bundlePath, functionName, args, inputs: [], inputTasks: [] };
  return { ...identity, ...call, user: "u", priority: 0, plugins: noPlugins, ...overrides };
}

function executorParts() {
  const sink = new RecordingSink();
  const credentials = () => Promise.reject(new Error("there is no controller"));
  return { sink, credentials, starts: new ExecutorStarts(), workerId: "w" };
}

function threads(t: TestContext) {
  const parts = executorParts();
  const executor = new ThreadExecutor({ lanes: 1, ...parts });
  t.after(() => executor.close());
  const { sink } = parts;
  const start = (bundle: string, ...names: readonly string[]) => {
    for (const [i, name] of names.entries()) executor.start(anOrder(i, bundle, name));
    executor.flush();
  };
  return { executor, sink, start };
}

/** The one error that was told. */
function told({ logs }: RecordingSink): { readonly message: string; readonly fields: object } {
  const errors = logs.filter(({ level }) => level === "error");
  assert.equal(errors.length, 1, JSON.stringify(logs));
  return errors[0];
}

describe("what a function leaves behind", () => {
  for (const [what, source, message] of leftovers) {
    it(`in a thread is not charged to the next one: ${what}`, async (t) => {
      const { executor, sink, start } = threads(t);
      const tasks = { guilty: `() => { ${source}; return where(); }`, innocent };
      const bundle = bundles.write({ ...tasks, next: "() => where()" }, extra);
      start(bundle, "guilty", "innocent");
      assert.equal(await sink.value(1), await sink.value(0));
      const { message: text, fields } = told(sink);
      assert.match(text, message);
      assert.deepEqual(
        { ...fields, stack: "" },
        { taskId: "200", attempt: "0.100", stack: "", lane: 0 },
      );
      executor.start(anOrder(2, bundle, "next"));
      executor.flush();
      assert.notEqual(await sink.value(2), await sink.value(0), "what comes next is elsewhere");
    });

    it(`in a process is not charged to the next one: ${what}`, async (t) => {
      const place = await FunctionProcesses.open();
      t.after(() => place.close());
      const tasks = { guilty: `() => { ${source}; return where(); }`, innocent };
      // The next one may only begin there if nothing is seen to be left.
      const bundle = bundles.write({ ...tasks, next: "() => where()" }, `${extra} await sleep(1);`);
      for (const [i, functionName] of ["guilty", "innocent", "next"].entries()) {
        place.start(i, bundle, [], { functionName });
      }
      const [first, second, third] = [0, 1, 2].map((i) => place.sink.value(i));
      assert.equal(await second, await first);
      assert.match(told(place.sink).message, message);
      assert.notEqual(await third, await first, "what comes next is elsewhere");
    });
  }

  it("is that of its module if that began it", async (t) => {
    const { sink, start } = threads(t);
    const late = "later().then(() => { globalThis.hasFired = true; throw new Error('stray') })";
    const bundle = bundles.write({ guilty: "() => 1", innocent }, `${extra} ${late};`);
    start(bundle, "guilty", "innocent");
    await sink.value(1);
    assert.match(told(sink).message, /left behind by the module of guilty: Error: stray/);
  });

  it("is told a bounded number of times", async (t) => {
    const { sink, start } = threads(t);
    const many = `() => {
      let left = 100;
      const again = () => {
        if (--left > 0) setTimeout(again, 0); else globalThis.hasFired = true;
        throw new Error("stray");
      };
      setTimeout(again, 0);
    }`;
    start(bundles.write({ guilty: many, innocent }, extra), "guilty", "innocent");
    await sink.value(1);
    const errors = sink.logs.filter(({ level }) => level === "error");
    assert(
      errors.length >= leftoverErrorsBurstMax && errors.length < 2 * leftoverErrorsBurstMax,
      `${errors.length}`,
    );
  });

  it("is left to a module that listens itself", async (t) => {
    const { sink, start } = threads(t);
    const [, source] = leftovers[0];
    const listens = "process.on('uncaughtException', () => {});";
    const tasks = { guilty: `() => { ${source} }`, innocent };
    start(bundles.write(tasks, `${extra} ${listens}`), "guilty", "innocent");
    await sink.value(1);
    assert.deepEqual(sink.logs, []);
  });
});

describe("an error that nobody caught, of a function that runs", () => {
  it("ends it with that error, also if its thread runs another one meanwhile", async (t) => {
    const { executor, sink, start } = threads(t);
    const waits = `() => {
      later().then(() => { throw new RangeError("mine") });
      return new Promise(() => {});
    }`;
    const bundle = bundles.write({ waits, innocent, next: "() => 1" }, extra);
    start(bundle, "waits", "innocent", "next");
    executor.yield(0);
    const { cause, failure } = await sink.failure(0);
    assert.deepEqual(
      [cause, failure.error.name, failure.error.message],
      ["exited", "RangeError", "mine"],
    );
    assert.equal((await sink.end(1)).type, "aborted", "it may run elsewhere");
    assert.equal(await sink.value(2), 1);
  });

  it("is its own if it comes from who listens to its signal", async (t) => {
    const { executor, sink, start } = threads(t);
    const listens = `async () => {
      const { runningTask } = await import(${contextUrl});
      const { signal } = runningTask();
      signal.addEventListener("abort", () => { throw new Error("late") });
      console.log("listening");
      await new Promise(() => {});
    }`;
    start(bundles.write({ listens }, extra), "listens");
    await sink.until(() => sink.logs.some(({ message }) => message === "listening"));
    executor.abort(0, "stopped", 60_000);
    assert.equal((await sink.end(0)).type, "aborted");
  });
});

describe("in the thread of an actor", () => {
  it("what a call leaves behind ends the actor, and is no other call's", async (t) => {
    const parts = executorParts();
    const executor = new ActorExecutor(parts);
    t.after(() => executor.close());
    const { sink } = parts;
    const [, source] = leftovers[0];
    const actor = `async () => {
      const { runningTask } = await import(${contextUrl});
      runningTask().beginWait();
      await new Promise(() => {});
    }`;
    const bundle = bundles.write({ actor, guilty: `() => { ${source} }`, innocent }, extra);
    executor.start(anOrder(0, bundle, "actor"));
    const inLine = { inputTasks: [200] };
    executor.call(anOrder(1, bundle, "guilty", inLine));
    executor.call(anOrder(2, bundle, "innocent", inLine));
    executor.flush();
    const { cause, failure } = await sink.failure(0);
    assert.deepEqual([cause, failure.error.message], ["exited", "stray"]);
    const call = await sink.failure(2);
    assert.deepEqual([call.cause, call.failure.error.message], ["actor-lost", "stray"]);
  });
});
