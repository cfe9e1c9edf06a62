/**
 * The executor with real threads: every way in which an execution can end.
 *
 * @module
 */

import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { BundleDirectory } from "../../../test/shell/bundle-directory.ts";
import { RecordingSink } from "../../../test/shell/recording-sink.ts";
import { encodeArguments, encodeValue } from "../values/value-codec.ts";
import { type ExecutionOrder, noPlugins } from "./execution.ts";
import { ExecutorStarts } from "./executor-starts.ts";
import { FunctionTable } from "./function-table.ts";
import { Lane } from "./lane.ts";
import { logBurstMax, outputBurstCharacters } from "./limits.ts";
import { ThreadExecutor, type ThreadExecutorOptions } from "./thread-executor.ts";

const endless = "() => { for (;;) {} }";

/** Stands for an input in encoded arguments. */
class Reference {
  readonly index: number;

  constructor(index: number) {
    this.index = index;
  }
}

let sink: RecordingSink;
let executor: ThreadExecutor;
let bundles: BundleDirectory;

function newExecutor(options: Partial<ThreadExecutorOptions> = {}): ThreadExecutor {
  const credentials = () => Promise.reject(new Error("there is no controller"));
  const starts = new ExecutorStarts();
  return new ThreadExecutor({ lanes: 1, workerId: "w", sink, credentials, starts, ...options });
}

beforeEach(() => {
  sink = new RecordingSink();
  bundles = new BundleDirectory();
  executor = newExecutor();
});

afterEach(async () => {
  await executor.close();
  bundles[Symbol.dispose]();
});

/** A bundle with one task, `run`. */
function aBundle(source: string, extra = ""): string {
  return bundles.write({ run: source }, extra);
}

function anOrder(
  execution: number,
  bundlePath: string,
  overrides: Partial<ExecutionOrder> = {},
): ExecutionOrder {
  const args = encodeArguments([], { root: "args" });
  const identity = { execution, lane: 0, attempt: 100 + execution, task: 200 + execution };
  const call = { bundlePath, functionName: "run", args, inputs: [], inputTasks: [] };
  const owner = { user: "u", priority: 0, plugins: noPlugins };
  return { ...identity, ...owner, ...call, ...overrides };
}

function start(...orders: ExecutionOrder[]): void {
  for (const order of orders) executor.start(order);
  executor.flush();
}

function withArguments(...args: unknown[]): Partial<ExecutionOrder> {
  return { args: encodeArguments(args, { root: "args" }) };
}

describe("a value", () => {
  it("comes back from a synchronous function", async () => {
    start(anOrder(1, aBundle("(a, b) => ({ sum: a + b })"), withArguments(2, 3)));
    assert.deepEqual(await sink.value(1), { sum: 5 });
  });

  it("comes back from an asynchronous function", async () => {
    start(anOrder(1, aBundle("async (a) => { await null; return a * 2 }"), withArguments(21)));
    assert.equal(await sink.value(1), 42);
  });

  it("may be undefined or an empty array of bytes", async () => {
    start(anOrder(1, aBundle("() => {}")), anOrder(2, aBundle("() => new Uint8Array(0)")));
    assert.equal(await sink.value(1), undefined);
    assert.deepEqual(await sink.value(2), new Uint8Array(0));
  });

  it("of 200 MB arrives in shared memory", async () => {
    start(anOrder(1, aBundle("() => new Uint8Array(200e6).fill(7)")));
    const end = await sink.end(1);
    assert(end.type === "finished");
    assert(end.bytes.buffer instanceof SharedArrayBuffer);
    assert(end.bytes.length >= 200e6);
    assert.equal(end.bytes[end.bytes.length - 1], 7);
  });

  it("of every size around the limit of the ring arrives whole and in order", async () => {
    const bundle = aBundle("(n) => new Uint8Array(n).fill(n % 251)");
    const sizes = [0, 1, 63, 64, 65, 60_000, 65_000, 65_530, 65_536, 70_000, 65_000, 64_000];
    const many = [...sizes, ...sizes, ...sizes, ...sizes];
    start(...many.map((size, i) => anOrder(i, bundle, withArguments(size))));
    await sink.end(many.length - 1);
    const ended = sink.news.filter((item) => item.type === "finished");
    assert.deepEqual(
      ended.map((item) => item.execution),
      many.map((_, i) => i),
    );
    for (let i = 0; i < many.length; i++) {
      assert.deepEqual(await sink.value(i), new Uint8Array(many[i]).fill(many[i] % 251));
    }
  });
});

describe("inputs", () => {
  it("take the places of the arguments that name them", async () => {
    const bundle = aBundle("(xs, y) => [...xs, y]");
    const args = encodeArguments([[new Reference(0), 5, new Reference(1)], new Reference(2)], {
      root: "args",
      onReference: (value) => (value instanceof Reference ? value.index : null),
    });
    const inputs = ["a", "b", "c"].map((text) => encodeValue(text, { root: "input" }));
    start(anOrder(1, bundle, { args, inputs, inputTasks: [11, 12, 13] }));
    assert.deepEqual(await sink.value(1), ["a", 5, "b", "c"]);
  });

  it("above the inline limit are private to each execution", async () => {
    const bundle = aBundle("(xs) => { const before = xs[0]; xs[0] = 99; return before }");
    const shared = toShared(encodeValue(new Float64Array(20_000).fill(1), { root: "input" }));
    const args = argumentsOfOneInput();
    for (const execution of [1, 2]) {
      start(anOrder(execution, bundle, { args, inputs: [shared], inputTasks: [11] }));
      assert.equal(await sink.value(execution), 1);
    }
  });

  it("that cannot be decoded name their task, and nothing is run", async () => {
    const bad = new Uint8Array([255, 255, 255]);
    const order = { args: argumentsOfOneInput(), inputs: [bad], inputTasks: [77] };
    start(anOrder(1, aBundle("() => 1"), order));
    assert.deepEqual(await sink.end(1), { type: "input-failed", execution: 1, task: 77 });
  });
});

describe("a failure", () => {
  it("carries name, message, stack, causes and the tail of stderr", async () => {
    const source = `() => {
      console.error("about to fail");
      throw new RangeError("outer", { cause: new TypeError("inner", { cause: "text" }) });
    }`;
    start(anOrder(1, aBundle(source)));
    const { cause, failure } = await sink.failure(1);
    assert.equal(cause, "failed");
    assert.equal(failure.error.name, "RangeError");
    assert.equal(failure.error.message, "outer");
    assert.match(failure.error.stack, /bundle-0\.mjs/);
    assert.deepEqual(failure.error.causes, [
      { name: "TypeError", message: "inner" },
      { name: "NonError", message: "text" },
    ]);
    assert.equal(failure.stderrTail, "about to fail\n");
    assert.equal(failure.exitCode, null);
  });

  it("of a rejected promise is that of its reason", async () => {
    start(anOrder(1, aBundle("async () => { throw new Error('later') }")));
    assert.equal((await sink.failure(1)).failure.error.message, "later");
  });

  it("by something that is no Error is readable", async () => {
    start(anOrder(1, aBundle("() => { throw { code: 7 } }")));
    const { error } = (await sink.failure(1)).failure;
    assert.deepEqual([error.name, error.message], ["NonError", "{ code: 7 }"]);
  });

  it("keeps at most eight causes", async () => {
    const source = `() => {
      let error = new Error("root");
      for (let i = 0; i < 20; i++) error = new Error("level " + i, { cause: error });
      throw error;
    }`;
    start(anOrder(1, aBundle(source)));
    assert.equal((await sink.failure(1)).failure.error.causes.length, 8);
  });

  it("is what a result that cannot travel is, with its path", async () => {
    start(anOrder(1, aBundle("() => ({ a: [1, () => 2] })")));
    const { cause, failure } = await sink.failure(1);
    assert.equal(cause, "failed");
    assert.match(failure.error.message, /result\.a\[1\]/);
  });

  it("of one execution does not touch the next", async () => {
    const bundle = aBundle("(n) => { if (n === 1) throw new Error('one'); return n }");
    start(anOrder(1, bundle, withArguments(1)), anOrder(2, bundle, withArguments(2)));
    assert.equal(await sink.value(2), 2);
    assert.equal((await sink.failure(1)).failure.error.message, "one");
  });
});

describe("a thread that ends", () => {
  it("fails the execution that ended it, with its exit code and stderr", async () => {
    start(anOrder(1, aBundle("() => { console.error('bye'); process.exit(3) }")));
    const { cause, failure } = await sink.failure(1);
    assert.equal(cause, "exited");
    assert.equal(failure.exitCode, 3);
    assert.equal(failure.stderrTail, "bye\n");
  });

  it("loses no result before it and none of what is behind it", async () => {
    const bundle = aBundle("(n) => { if (n === 3) process.exit(0); return n }");
    start(...[1, 2, 3, 4, 5].map((n) => anOrder(n, bundle, withArguments(n))));
    await sink.end(5);
    const ends = sink.news.filter((item) => item.type !== "started");
    assert.deepEqual(
      ends.map((item) => `${item.type} ${item.execution}`),
      ["finished 1", "finished 2", "failed 3", "finished 4", "finished 5"],
    );
  });

  it("because of an error outside the function's promise tells that error", async () => {
    const source = "() => new Promise(() => setTimeout(() => { throw new Error('stray') }, 1))";
    start(anOrder(1, aBundle(source)));
    const { cause, failure } = await sink.failure(1);
    assert.deepEqual([cause, failure.error.message], ["exited", "stray"]);
  });

  it("for want of memory is told from every other end", async () => {
    await executor.close();
    executor = newExecutor({ heapLimitMib: 32 });
    const hungry = "() => { let kept = null; for (;;) kept = { kept, more: [1, 2, 3] } }";
    start(anOrder(1, aBundle(hungry)), anOrder(2, aBundle("() => 2")));
    const { cause, failure } = await sink.failure(1);
    assert.deepEqual([cause, failure.oom], ["oom", true]);
    assert.equal(await sink.value(2), 2);
  });
});

describe("a module", () => {
  it("that throws while it is imported is unloadable, for the reason that it gives", async () => {
    start(anOrder(1, aBundle("() => 1", "throw new Error('no database');")));
    const { cause, failure } = await sink.failure(1);
    assert.deepEqual([cause, failure.error.message], ["module-unloadable", "no database"]);
  });

  it("without the function names those that it has", async () => {
    start(anOrder(1, aBundle("() => 1"), { functionName: "walk" }));
    const { cause, failure } = await sink.failure(1);
    assert.equal(cause, "module-unloadable");
    assert.match(failure.error.message, /no task named "walk"; it exports run/);
  });

  it("that ends the thread while it is imported is unloadable, and only once", async () => {
    start(anOrder(1, aBundle("() => 1", "process.exit(9);")), anOrder(2, aBundle("() => 2")));
    const { cause, failure } = await sink.failure(1);
    assert.deepEqual([cause, failure.exitCode], ["module-unloadable", 9]);
    assert.equal(await sink.value(2), 2);
  });

  it("sees that it is being imported on a worker, its functions do not", async () => {
    const flag = 'globalThis[Symbol.for("capstan.importing")]';
    start(anOrder(1, aBundle(`() => [during, ${flag}]`, `const during = ${flag};`)));
    assert.deepEqual(await sink.value(1), [true, false]);
  });
});

describe("starts", () => {
  it("are reported for what runs on, and not for what is short", async () => {
    const bundle = aBundle("async (ms) => { await new Promise((r) => setTimeout(r, ms)) }");
    start(anOrder(1, aBundle("() => 1")));
    await sink.end(1);
    sink.news.length = 0;
    const short = aBundle("() => 2");
    for (let execution = 2; execution < 42; execution++) {
      start(anOrder(execution, short));
      await sink.end(execution);
    }
    start(anOrder(42, bundle, withArguments(60)));
    await sink.end(42);
    const started = sink.news.filter((item) => item.type === "started");
    assert.equal(started.at(-1)?.execution, 42);
    // On a machine that is busy with other things a short one may take long.
    assert.ok(started.length < 20, `${started.length} of 40 short ones were reported`);
  });
});

describe("a revoke", () => {
  it("takes back what has not begun, and nothing else", async () => {
    const slow = aBundle("() => new Promise((resolve) => setTimeout(resolve, 400))");
    start(anOrder(1, slow), anOrder(2, slow), anOrder(3, aBundle("() => 3")));
    await sink.until(() => sink.news.some((item) => item.type === "started"));
    assert.equal(executor.revoke(1), false);
    assert.equal(executor.revoke(2), true);
    assert.equal(executor.revoke(2), false);
    assert.equal(await sink.value(3), 3);
    assert.equal(executor.revoke(3), false);
    assert(!sink.news.some((item) => item.execution === 2));
  });

  it("of more executions than a lane's window holds frees their places", async () => {
    const source = `() => new Promise((resolve) => {
      getContext().signal.addEventListener("abort", resolve);
    })`;
    const blocked = aBundle(source, contextImport());
    const short = aBundle("() => 1");
    start(anOrder(0, blocked));
    await sink.until(() => sink.news.some((item) => item.type === "started"));
    for (let round = 0; round < 5; round++) {
      const first = 1 + round * 1000;
      for (let i = 0; i < 1000; i++) executor.start(anOrder(first + i, short));
      executor.flush();
      for (let i = 0; i < 1000; i++) assert.equal(executor.revoke(first + i), true);
    }
    start(anOrder(9999, short));
    executor.abort(0, "stopped", 60_000);
    assert.equal(await sink.value(9999), 1);
    assert.equal(executor.count, 0);
  });
});

describe("an abort", () => {
  it("of what has not begun is answered at once", async () => {
    start(anOrder(1, aBundle(endless)), anOrder(2, aBundle("() => 2")));
    executor.abort(2, "stopped", 1000);
    assert.deepEqual(sink.news.at(-1), { type: "aborted", execution: 2 });
    executor.abort(1, "stopped", 0);
    assert.equal((await sink.end(1)).type, "aborted");
  });

  it("lets a function end by itself when it heeds the signal", async () => {
    const source = `() => new Promise((_, reject) => {
      const { signal } = getContext();
      signal.addEventListener("abort", () => reject(signal.reason));
    })`;
    start(anOrder(1, aBundle(source, contextImport())), anOrder(2, aBundle("() => 2")));
    await sink.until(() => sink.news.some((item) => item.type === "started"));
    executor.abort(1, "stopped", 60_000);
    assert.equal((await sink.end(1)).type, "aborted");
    assert.equal(await sink.value(2), 2);
    assert(!sink.logs.some((line) => line.message.includes("started again")));
  });

  it("ends the thread of an endless loop after its grace, and the lane goes on", async () => {
    start(anOrder(1, aBundle(endless)), anOrder(2, aBundle("() => 2")));
    await sink.until(() => sink.news.some((item) => item.type === "started"));
    executor.abort(1, "timeout", 20);
    assert.equal((await sink.end(1)).type, "aborted");
    assert.equal(await sink.value(2), 2);
  });
});

describe("a context", () => {
  it("tells a function who it is", async () => {
    const source = `async () => {
      await null;
      const { taskId, attempt, worker, signal } = getContext();
      return { taskId, attempt, worker, aborted: signal.aborted };
    }`;
    start(anOrder(1, aBundle(source, contextImport()), { attempt: 3 * 2 ** 36 + 17, task: 5 }));
    const expected = { taskId: "5", attempt: "3.17", worker: "w", aborted: false };
    assert.deepEqual(await sink.value(1), expected);
  });

  it("may be taken apart, as people do", async () => {
    const source = "() => { const { progress } = getContext(); progress(0.5, 'half'); return 1; }";
    start(anOrder(1, aBundle(source, contextImport())));
    assert.equal(await sink.value(1), 1);
    await sink.until(() => sink.progress.length > 0);
    assert.deepEqual(sink.progress, [{ execution: 1, fraction: 0.5, note: "half" }]);
  });

  it("is the one that `capstan` gives, which is this very package", async () => {
    const source = "() => getContext().worker";
    start(anOrder(1, aBundle(source, 'import { getContext } from "capstan";')));
    assert.equal(await sink.value(1), "w");
  });

  it("logs to the worker's log, with the task's id", async () => {
    const source = `() => getContext().logger.warn("low", { level: 2 })`;
    start(anOrder(1, aBundle(source, contextImport())));
    await sink.end(1);
    await sink.until(() => sink.logs.length > 0);
    const fields = { taskId: "201", attempt: "0.101", level: 2 };
    assert.deepEqual(sink.logs[0], { level: "warn", message: "low", fields });
  });
});

describe("what functions say", () => {
  it("ends none of them, also if it cannot travel", async () => {
    const source = `() => { getContext().logger.info("odd", { f: () => 1 }); return 1; }`;
    start(anOrder(1, aBundle(source, contextImport())));
    assert.equal(await sink.value(1), 1);
    await sink.until(() => sink.logs.length > 0);
    const [{ message, fields }] = sink.logs;
    assert.deepEqual([message, fields], ["odd", { ...fields, fields: "{ f: [Function: f] }" }]);
  });

  it("in a flood is kept to a rate, and the rest is counted", async () => {
    const lines = 100_000;
    const line = "what a loop prints that nobody thought of";
    const print = `(n) => { for (let i = 0; i < n; i++) console.log(${JSON.stringify(line)}); }`;
    start(anOrder(1, aBundle(print), withArguments(lines)));
    await sink.end(1);
    let kept = 0;
    let dropped = 0;
    const count = () => {
      for (const { message, fields } of sink.logs.splice(0)) {
        const { droppedCharacters = -1 } = fields as { droppedCharacters?: number };
        if (droppedCharacters < 0) kept += message.length;
        else dropped += droppedCharacters;
      }
      return dropped > 0 && dropped + kept > lines * line.length;
    };
    await sink.until(count);
    assert.ok(kept < 2 * outputBurstCharacters, `${kept} characters were kept`);
  });

  it("in a flood of log messages is kept to a rate, too", async () => {
    const log = "(n) => { for (let i = 0; i < n; i++) getContext().logger.info('again'); }";
    const last = "() => { getContext().logger.info('last'); }";
    const messages = 20 * logBurstMax;
    start(anOrder(1, aBundle(log, contextImport()), withArguments(messages)));
    await sink.end(1);
    assert.ok(sink.logs.length < messages / 2, `${sink.logs.length} messages were kept`);
    const isTold = () => sink.logs.some(({ fields }) => "droppedBefore" in fields);
    const later = aBundle(last, contextImport());
    for (let next = 2; !isTold(); next++) {
      start(anOrder(next, later));
      await sink.end(next);
    }
  });

  it("to the port of their thread is heard by nobody", async () => {
    const words = `[null, 1, "ready", { type: "log" }, { type: "failed", sequence: 0 }]`;
    const source = `() => { for (const word of ${words}) parentPort.postMessage(word); return 1; }`;
    const imported = 'import { parentPort } from "node:worker_threads";';
    start(anOrder(1, aBundle(source, imported)), anOrder(2, aBundle("() => 2")));
    assert.equal(await sink.value(1), 1);
    assert.equal(await sink.value(2), 2);
    assert.deepEqual(sink.logs, []);
  });
});

describe("a lane that is told to collect its garbage", () => {
  it("has none if nothing has run in it since the last time", async () => {
    const credentials = () => Promise.reject(new Error("there is no controller"));
    const functions = new FunctionTable();
    const parts = { index: 0, workerId: "w", functions, sink, heapLimitMib: 0, credentials };
    const options = { ...parts, starts: new ExecutorStarts() };
    const lane = new Lane(options);
    assert.equal(lane.collect(), false);
    lane.start(anOrder(1, aBundle("() => 1")));
    lane.flush();
    await sink.end(1);
    assert.deepEqual([lane.collect(), lane.collect()], [true, false]);
    await lane.close();
  });
});

describe("lanes", () => {
  it("run at the same time", async () => {
    await executor.close();
    executor = newExecutor({ lanes: 2 });
    start(anOrder(1, aBundle(endless)), anOrder(2, aBundle("() => 2"), { lane: 1 }));
    assert.equal(await sink.value(2), 2);
  });
});

describe("a renewal", () => {
  const counts = "export let calls = 0;";

  it("gives what comes after it a thread that has run nothing", async () => {
    const bundle = aBundle("() => ++calls", counts);
    start(anOrder(1, bundle), anOrder(2, bundle));
    assert.deepEqual([await sink.value(1), await sink.value(2)], [1, 2]);
    executor.renew();
    start(anOrder(3, bundle));
    assert.equal(await sink.value(3), 1);
    start(anOrder(4, bundle));
    assert.equal(await sink.value(4), 2, "and once");
  });

  it("waits for what runs, and for what was there before it, and fails nothing", async () => {
    const source = "async (ms) => { await new Promise((r) => setTimeout(r, ms)); return ++calls; }";
    const bundle = aBundle(source, counts);
    start(anOrder(1, bundle, withArguments(100)), anOrder(2, bundle, withArguments(0)));
    await sink.until(() => sink.news.some((item) => item.type === "started"));
    executor.renew();
    executor.renew();
    start(anOrder(3, bundle, withArguments(0)));
    assert.deepEqual([await sink.value(1), await sink.value(2)], [1, 2]);
    assert.equal(await sink.value(3), 1);
    assert(sink.logs.every(({ level }) => level !== "warn"));
  });

  it("comes with the end of a thread that is ended by force", async () => {
    start(anOrder(1, aBundle(endless)));
    await sink.until(() => sink.news.some((item) => item.type === "started"));
    executor.abort(1, "stopped", 20);
    executor.renew();
    start(anOrder(2, aBundle("() => 2")));
    assert.equal((await sink.end(1)).type, "aborted");
    assert.equal(await sink.value(2), 2);
  });

  it("lets what waits for it be taken back", async () => {
    start(anOrder(1, aBundle(endless)));
    await sink.until(() => sink.news.some((item) => item.type === "started"));
    executor.renew();
    start(anOrder(2, aBundle("() => 2")));
    assert.equal(executor.revoke(2), true);
    executor.abort(1, "stopped", 20);
    assert.equal((await sink.end(1)).type, "aborted");
  });
});

function argumentsOfOneInput(): Uint8Array {
  return encodeArguments([new Reference(0)], { root: "args", onReference: () => 0 });
}

function toShared(bytes: Uint8Array): Uint8Array {
  const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
  shared.set(bytes);
  return shared;
}

function contextImport(): string {
  const url = new URL("../../client/task-context.ts", import.meta.url).href;
  return `import { getContext } from ${JSON.stringify(url)};`;
}
