/**
 * The line in which threads and processes wait to be started: alone, and with real ones, whose
 * module says that it is being loaded and goes on when a file is there.
 *
 * @module
 */

import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { BundleDirectory } from "../../../test/shell/bundle-directory.ts";
import { eventually, FunctionProcesses } from "../../../test/shell/function-processes.ts";
import { RecordingSink } from "../../../test/shell/recording-sink.ts";
import { createLogger } from "../logging/logger.ts";
import { encodeArguments } from "../values/value-codec.ts";
import { ActorExecutor } from "./actor-executor.ts";
import { type ExecutionOrder, noPlugins } from "./execution.ts";
import { ExecutorStarts } from "./executor-starts.ts";
import { launcherAccountMs } from "./limits.ts";
import { ProcessPool } from "./process-pool.ts";
import { ThreadExecutor } from "./thread-executor.ts";

const bundles = new BundleDirectory();
after(() => bundles[Symbol.dispose]());

let moduleCount = 0;

/** A module that is loaded some time after `open` was called; `story` has when that was. */
function aGatedModule(source: string) {
  const name = `module-${moduleCount++}`;
  const place = join(bundles.path, name);
  const [loading, open] = [`${place}-loading`, `${place}-open`];
  const gate = `
    import { existsSync, appendFileSync } from "node:fs";
    import { setTimeout as sleep } from "node:timers/promises";
    const say = (what) => appendFileSync(${JSON.stringify(story)}, "${name} " + what + "\\n");
    appendFileSync(${JSON.stringify(loading)}, "");
    say("begins");
    while (!existsSync(${JSON.stringify(open)})) await sleep(5);
    await sleep(200); // Whoever starts at the same time has begun by then.
    say("ends");
  `;
  const path = bundles.write({ run: source }, gate);
  const isLoading = () => existsSync(loading);
  return { name, path, isLoading, open: () => writeFileSync(open, "") };
}

const story = join(bundles.path, "story");

/** What was told of these modules being loaded. */
function storyOf(modules: readonly { readonly name: string }[]): readonly string[] {
  const lines = readFileSync(story, "utf8").trim().split("\n");
  return lines.filter((line) => modules.some(({ name }) => line.startsWith(`${name} `)));
}

function oneByOne(...modules: readonly { readonly name: string }[]): readonly string[] {
  return modules.flatMap(({ name }) => [`${name} begins`, `${name} ends`]);
}

function anOrder(execution: number, bundlePath: string, lane: number): ExecutionOrder {
  const args = encodeArguments([], { root: "args" });
  const identity = { execution, lane, attempt: 100 + execution, task: 200 + execution };
  const call = { bundlePath, functionName: "run", args, inputs: [], inputTasks: [] };
  return { ...identity, ...call, user: "u", priority: 0, plugins: noPlugins };
}

/** However long it takes: a busy machine is slow. */
function oneAtATime(): ExecutorStarts {
  return new ExecutorStarts(1, 60_000);
}

function threadParts(starts: ExecutorStarts) {
  const sink = new RecordingSink();
  const credentials = () => Promise.reject(new Error("there is no controller"));
  return { sink, starts, credentials, workerId: "w" };
}

describe("the line of starts", () => {
  it("begins so many at a time, in the order in which they came", () => {
    const starts = new ExecutorStarts(2);
    const begun: number[] = [];
    const turns = [0, 1, 2, 3].map((each) => starts.join(() => void begun.push(each)));
    assert.deepEqual(begun, [0, 1]);
    turns[1].end();
    turns[1].end();
    assert.deepEqual(begun, [0, 1, 2]);
    turns[0].end();
    assert.deepEqual(begun, [0, 1, 2, 3]);
  });

  it("never begins what left it, and gives nobody a place for that", () => {
    const starts = new ExecutorStarts(1);
    const begun: number[] = [];
    const turns = [0, 1, 2].map((each) => starts.join(() => void begun.push(each)));
    assert.deepEqual(
      turns.map(({ isWaiting }) => isWaiting),
      [false, true, true],
    );
    turns[1].end();
    assert.deepEqual(begun, [0]);
    turns[0].end();
    assert.deepEqual(begun, [0, 2]);
  });

  it("goes on beside a start that takes too long", async () => {
    const starts = new ExecutorStarts(1, 20);
    const slow = starts.join(() => {});
    const { promise: begun, resolve } = Promise.withResolvers<void>();
    const next = starts.join(resolve);
    // The timer of a start keeps no process alive.
    const stay = setTimeout(() => {}, 10_000);
    await begun;
    clearTimeout(stay);
    slow.end(); // Its place was given up already: it is not given up twice.
    assert.equal(starts.join(() => {}).isWaiting, true);
    next.end();
  });
});

describe("threads of functions", () => {
  it("start one after the other, each with the module that it is to run", async (t) => {
    const { sink, ...parts } = threadParts(oneAtATime());
    const executor = new ThreadExecutor({ lanes: 3, sink, ...parts });
    t.after(() => executor.close());
    const modules = [0, 1, 2].map((each) => aGatedModule(`() => ${each}`));
    for (const [i, { path }] of modules.entries()) executor.start(anOrder(i, path, i));
    executor.flush();
    await eventually("the first is loaded", () => modules[0].isLoading());
    assert.equal(executor.threadOf(101)?.isStarting, true);
    executor.abort(1, "stopped", 60_000);
    assert.deepEqual(sink.news.at(-1), { type: "aborted", execution: 1 });
    for (const { open } of modules) open();
    assert.deepEqual([await sink.value(0), await sink.value(2)], [0, 2]);
    assert.deepEqual(storyOf(modules), oneByOne(modules[0], modules[2]));
  });

  it("that have nothing to run keep nobody waiting", async (t) => {
    const { sink, ...parts } = threadParts(oneAtATime());
    const executor = new ThreadExecutor({ lanes: 3, sink, ...parts });
    t.after(() => executor.close());
    const { path, open } = aGatedModule("() => 1");
    open();
    executor.start(anOrder(1, path, 2));
    executor.flush();
    assert.equal(await sink.value(1), 1);
  });

  it("run what waits for what starts behind it", async (t) => {
    const { sink, ...parts } = threadParts(oneAtATime());
    const executor = new ThreadExecutor({ lanes: 2, sink, ...parts });
    t.after(() => executor.close());
    const second = aGatedModule("() => 2");
    second.open();
    const word = JSON.stringify(join(bundles.path, "both"));
    const source = `async () => {
      while (!existsSync(${word})) await new Promise((r) => setTimeout(r, 5)); return 1;
    }`;
    const first = bundles.write({ run: source }, 'import { existsSync } from "node:fs";');
    executor.start(anOrder(1, first, 0));
    executor.start(anOrder(2, second.path, 1));
    executor.flush();
    assert.equal(await sink.value(2), 2);
    writeFileSync(JSON.parse(word), "");
    assert.equal(await sink.value(1), 1);
  });
});

describe("threads of actors", () => {
  it("start one after the other; one that is ended while it waits is gone at once", async (t) => {
    const { sink, ...parts } = threadParts(oneAtATime());
    const executor = new ActorExecutor({ sink, ...parts });
    t.after(() => executor.close());
    const modules = [0, 1, 2].map(() => aGatedModule("() => 1"));
    for (const [i, { path }] of modules.entries()) executor.start(anOrder(i, path, 0));
    executor.flush();
    await eventually("the first is loaded", () => modules[0].isLoading());
    executor.abort(1, "stopped", 60_000);
    assert.deepEqual(sink.news, [{ type: "aborted", execution: 1 }]);
    assert(!executor.has(1));
    for (const { open } of modules) open();
    const last = oneByOne(modules[0], modules[2]);
    await eventually("the last is loaded", () => storyOf(modules).length === last.length);
    assert.deepEqual(storyOf(modules), last);
  });
});

describe("processes of functions", () => {
  it("start one after the other; one that is stopped while it waits is gone at once", async () => {
    const place = await FunctionProcesses.open(undefined, {
      ...{ starts: oneAtATime(), lanes: 3 },
    });
    try {
      const modules = [0, 1, 2].map((each) => aGatedModule(`() => ${each}`));
      for (const [i, { path }] of modules.entries()) place.start(i, path, [], { lane: i });
      await eventually("the first is loaded", () => modules[0].isLoading());
      assert.equal(place.pool.measure().processCount, 1);
      assert.equal(place.executor.processOf(101)?.isStarting, true);
      place.executor.abort(1, "stopped", 60_000);
      assert.deepEqual(place.sink.news.at(-1), { type: "aborted", execution: 1 });
      for (const { open } of modules) open();
      assert.deepEqual([await place.sink.value(0), await place.sink.value(2)], [0, 2]);
      assert.deepEqual(storyOf(modules), oneByOne(modules[0], modules[2]));
    } finally {
      await place.close();
    }
  });

  it("run what waits for what starts behind it, as members of a gang do", async () => {
    const place = await FunctionProcesses.open(undefined, {
      ...{ starts: oneAtATime(), lanes: 2 },
    });
    try {
      const word = JSON.stringify(join(bundles.path, "all-there"));
      const imports = 'import { existsSync, writeFileSync } from "node:fs";';
      const waits = `async () => {
        while (!existsSync(${word})) await new Promise((r) => setTimeout(r, 5)); return 1;
      }`;
      const comes = `() => { writeFileSync(${word}, ""); return 2; }`;
      place.start(1, bundles.write({ run: waits }, imports), [], { lane: 0 });
      place.start(2, bundles.write({ run: comes }, imports), [], { lane: 1 });
      assert.deepEqual([await place.sink.value(1), await place.sink.value(2)], [1, 2]);
    } finally {
      await place.close();
    }
  });

  it("in line are not missed by a launcher that replaces another", async (t) => {
    const launched: string[] = [];
    const launcher = {
      ...{ survivors: [], stop: () => {}, acknowledge: () => {} },
      launch: ({ attemptId }: { readonly attemptId: string }) => void launched.push(attemptId),
    };
    const pool = new ProcessPool({
      ...{ launcher, directory: join(bundles.path, "pool"), attemptsDirectory: bundles.path },
      ...{ workerId: "w", idleMax: 1, heapLimitMib: 0, ageMaxMs: 600_000, rssBytesMax: 2 ** 30 },
      ...{ starts: oneAtATime(), logger: createLogger({ name: "t", level: "silent" }) },
    });
    await pool.open();
    const gone: string[] = [];
    const needs = { bundlePath: "b", pluginKey: "", memoryBytes: 0, cpuMilli: 0 };
    const take = (name: string) => {
      const user = { ready: () => {}, message: () => {}, gone: () => void gone.push(name) };
      return pool.take(needs, user).id;
    };
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const [first, second] = [take("first"), take("second")];
    assert.deepEqual(launched, [first]);
    pool.launcherLost();
    pool.launcherReplaced(new Set());
    t.mock.timers.tick(launcherAccountMs);
    assert.deepEqual([gone, launched], [["first"], [first, second]]);
    pool.close();
  });
});
