/**
 * Functions in processes, with a real launcher: every way in which an execution can end, and what
 * the next one meets.
 *
 * @module
 */

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, it } from "node:test";
import { eventually, FunctionProcesses } from "../../../test/shell/function-processes.ts";
import { findLauncher } from "../launcher/claims.ts";
import { sightProcess } from "../launcher/process-table.ts";
import { allocateValue } from "../store/value-store.ts";
import { encodeArguments, encodeValue } from "../values/value-codec.ts";

const endless = "() => { for (;;) {} }";
const whoIsIt = "() => process.pid";

let place: FunctionProcesses;

beforeEach(async () => {
  place = await FunctionProcesses.open();
});

afterEach(() => place.close());

/** A process that nobody has asked for its end yet is gone too. */
function isGone(pid: number): boolean {
  return sightProcess(pid)?.isAlive !== true;
}

async function pidOf(execution: number): Promise<number> {
  return (await place.sink.value(execution)) as number;
}

/** Stands for an input in encoded arguments. */
class Reference {
  readonly index = 0;
}

function inShared(value: unknown): Uint8Array {
  const encoded = encodeValue(value, { root: "value" });
  const shared = allocateValue(encoded.length);
  shared.set(encoded);
  return shared;
}

describe("a value", () => {
  it("comes back from a process that is not this one", async () => {
    place.start(1, place.bundle("(a, b) => ({ sum: a + b, pid: process.pid })"), [2, 3]);
    const { sum, pid } = (await place.sink.value(1)) as { sum: number; pid: number };
    assert.equal(sum, 5);
    assert.notEqual(pid, process.pid);
  });

  it("of 100 MB goes in and comes out as it is, in shared memory", async () => {
    const args = encodeArguments([new Reference()], {
      root: "args",
      onReference: (value) => (value instanceof Reference ? value.index : null),
    });
    const inputs = [inShared(new Uint8Array(100e6).fill(7))];
    const bundle = place.bundle("(bytes) => bytes.map((byte) => byte + 1)");
    place.start(1, bundle, [], { args, inputs, inputTasks: [9] });
    const end = await place.sink.end(1);
    assert(end.type === "finished");
    assert(end.bytes.buffer instanceof SharedArrayBuffer);
    assert.equal(end.bytes[end.bytes.length - 1], 8);
    assert(end.bytes.length >= 100e6);
  });

  it("that cannot travel fails its task alone", async () => {
    const bundle = place.bundle("(ok) => ok ? process.pid : () => 1");
    place.start(1, bundle, [false]);
    place.start(2, bundle, [true]);
    const { failure } = await place.sink.failure(1);
    assert.match(failure.error.message, /result/);
    assert(Number.isInteger(await place.sink.value(2)));
  });
});

describe("a failure", () => {
  it("of the function has its error and what it wrote, and spares the process", async () => {
    const source = `(fails) => {
      if (!fails) return process.pid;
      console.error("last words");
      throw new RangeError("too deep", { cause: new Error("the tide") });
    }`;
    const bundle = place.bundle(source);
    place.start(1, bundle, [false]);
    place.start(2, bundle, [true]);
    place.start(3, bundle, [false]);
    const { cause, failure } = await place.sink.failure(2);
    assert.equal(cause, "failed");
    assert.equal(failure.error.name, "RangeError");
    assert.equal(failure.error.causes[0].message, "the tide");
    assert.equal(failure.stderrTail, "last words\n");
    assert.equal(await pidOf(1), await pidOf(3));
  });

  it("of an input blames the input", async () => {
    const args = encodeArguments([new Reference()], {
      root: "args",
      onReference: (value) => (value instanceof Reference ? value.index : null),
    });
    const inputs = [Uint8Array.of(250, 1, 2)];
    place.start(1, place.bundle("(a) => a"), [], { args, inputs, inputTasks: [9] });
    assert.deepEqual(await place.sink.end(1), { type: "input-failed", execution: 1, task: 9 });
  });

  it("to load the module says so", async () => {
    place.start(1, place.bundle("() => 1", "throw new Error('no such tide');"));
    const { cause, failure } = await place.sink.failure(1);
    assert.equal(cause, "module-unloadable");
    assert.equal(failure.error.message, "no such tide");
  });
});

describe("a process that ends under its function", () => {
  const ends: readonly [string, string, string, { exitCode?: number; signal?: string }][] = [
    ["by process.exit", "() => process.exit(7)", "exited", { exitCode: 7 }],
    [
      "by a signal of its own",
      "() => { process.kill(process.pid, 'SIGSEGV'); for (;;) {} }",
      "exited",
      { signal: "SIGSEGV" },
    ],
    [
      "by an error that nobody caught",
      "() => new Promise(() => { setTimeout(() => { throw new Error('late') }) })",
      "exited",
      { exitCode: 1 },
    ],
    [
      "by a kill from outside",
      "() => { process.kill(process.pid, 'SIGKILL'); for (;;) {} }",
      "killed",
      { signal: "SIGKILL" },
    ],
  ];
  for (const [how, source, cause, status] of ends) {
    it(`${how} fails that execution alone, with how it ended`, async () => {
      place.start(1, place.bundle(source));
      place.start(2, place.bundle("() => 'still here'"));
      const failed = await place.sink.failure(1);
      assert.equal(failed.cause, cause);
      assert.equal(failed.failure.exitCode, status.exitCode ?? null);
      assert.equal(failed.failure.signal, status.signal ?? null);
      assert.equal(await place.sink.value(2), "still here");
    });
  }

  it("while its module is imported is the module's doing", async () => {
    place.start(1, place.bundle("() => 1", "process.exit(3);"));
    const { cause, failure } = await place.sink.failure(1);
    assert.equal(cause, "module-unloadable");
    assert.equal(failure.exitCode, 3);
  });

  it("because its heap is full has run out of memory", async () => {
    const source = "() => { const all = []; for (;;) all.push(new Array(1e4).fill({})); }";
    place.start(1, place.bundle(source), [], { memoryBytes: 200 * 2 ** 20 });
    const { cause, failure } = await place.sink.failure(1);
    assert.equal(cause, "oom");
    assert.equal(failure.oom, true);
  });

  it("because it is over its limit outside of the heap has run out of memory", async () => {
    const source = `async () => {
      const all = [];
      for (;;) {
        all.push(Buffer.alloc(8 << 20, 1));
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    }`;
    place.start(1, place.bundle(source), [], { memoryBytes: 300 * 2 ** 20 });
    const { cause } = await place.sink.failure(1);
    assert.equal(cause, "oom");
  });
});

describe("output", () => {
  it("of megabytes on stderr does not hold up a result", async () => {
    const source = `() => {
      for (let i = 0; i < 4000; i++) writeSync(2, "x".repeat(1023) + "\\n");
      return "done";
    }`;
    place.start(1, place.bundle(source, 'import { writeSync } from "node:fs";'));
    assert.equal(await place.sink.value(1), "done");
    await eventually("its log", () => place.log(1).length > 4_000_000);
  });

  it("of a function that hangs is in the failure of its timeout", async () => {
    const source =
      "() => { console.error('x'.repeat(2e6)); console.error('stuck at 17'); for (;;) {} }";
    place.start(1, place.bundle(source));
    await place.sink.until(() => place.sink.news.some(({ type }) => type === "started"));
    await eventually("its last words", () => place.log(1).includes("stuck at 17"));
    place.executor.abort(1, "timeout", 100);
    const { failure } = await place.sink.failure(1);
    assert.match(failure.stderrTail, /stuck at 17\n$/);
    assert.equal(failure.signal, "SIGKILL");
  });

  it("of each attempt goes to its own log, whoever wrote it", async () => {
    const source = `(name) => {
      console.log("log of " + name);
      execFileSync("sh", ["-c", "echo child of " + name + " >&2"], { stdio: "inherit" });
    }`;
    const bundle = place.bundle(source, 'import { execFileSync } from "node:child_process";');
    for (const [i, name] of ["a", "b"].entries()) place.start(i, bundle, [name]);
    await place.sink.end(1);
    for (const [i, name] of ["a", "b"].entries()) {
      await eventually(`log ${name}`, () => place.log(i).includes(`e child of ${name}\n`));
      // Two pipes: which of them is read first is chance.
      const lines = place.log(i).trimEnd().split("\n");
      assert.deepEqual(lines.map((line) => line.slice(14)).sort(), [
        `e child of ${name}`,
        `o log of ${name}`,
      ]);
    }
  });
});

describe("an end that was ordered", () => {
  it("lets the function see its signal, and takes its process", async () => {
    const source = `async () => {
      const { signal } = getContext();
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      console.error(signal.reason.code);
      return "too late";
    }`;
    const bundle = place.bundle(source, 'import { getContext } from "capstan";');
    place.start(1, bundle);
    await place.sink.until(() => place.sink.news.some(({ type }) => type === "started"));
    place.executor.abort(1, "stopped", 30_000);
    const end = await place.sink.end(1);
    assert(end.type === "finished" || end.type === "aborted");
    await eventually("its log", () => place.log(1).includes("TASK_CANCELLED"));
  });

  it("is carried out by force, on all that it started, when its grace is over", async () => {
    const source = `() => {
      const child = spawn("sleep", ["3600"], { stdio: "ignore" });
      console.log("child " + child.pid);
      process.on("SIGTERM", () => undefined);
      for (;;) {}
    }`;
    place.start(1, place.bundle(source, 'import { spawn } from "node:child_process";'));
    await eventually("its child", () => /child \d+\n/.test(place.log(1)));
    const child = Number(/child (\d+)\n/.exec(place.log(1))?.[1]);
    place.executor.abort(1, "stopped", 50);
    assert.equal((await place.sink.end(1)).type, "aborted");
    assert(isGone(child), "the end is told when the whole group is gone");
  });

  it("of what waits behind another costs nothing", async () => {
    place.start(1, place.bundle(endless));
    place.start(2, place.bundle("() => 2"));
    assert.equal(place.executor.revoke(2), true);
    assert.equal(place.executor.revoke(2), false);
    place.start(3, place.bundle("() => 3"));
    place.executor.abort(3, "stopped", 1_000);
    assert.equal((await place.sink.end(3)).type, "aborted");
    place.executor.abort(1, "stopped", 0);
    assert.equal((await place.sink.end(1)).type, "aborted");
  });

  it("of what has not begun takes it back at once", async () => {
    place.start(1, place.bundle(endless));
    assert.equal(place.executor.revoke(1), true);
    place.start(2, place.bundle("() => 2"));
    assert.equal(await place.sink.value(2), 2);
    assert(place.sink.news.every(({ execution }) => execution === 2));
  });
});

describe("a warm process", () => {
  it("is used again for the same bundle under the same limits, and only then", async () => {
    const bundle = place.bundle(whoIsIt);
    place.start(1, bundle);
    place.start(2, bundle);
    place.start(3, place.bundle(whoIsIt));
    place.start(4, bundle, [], { cpuMilli: 500 });
    place.start(5, bundle);
    const pids = [await pidOf(1), await pidOf(2), await pidOf(3), await pidOf(4), await pidOf(5)];
    assert.equal(pids[0], pids[1]);
    assert.equal(new Set([pids[0], pids[2], pids[3]]).size, 3);
  });

  const leftovers: readonly [string, string][] = [
    ["a timer", "() => { setInterval(() => {}, 1e6); return process.pid }"],
    ["another working directory", "() => { process.chdir('/'); return process.pid }"],
    ["a variable of the environment", "() => { process.env.TIDE = 'high'; return process.pid }"],
    ["a global", "() => { globalThis.tide = 'high'; return process.pid }"],
    ["a listener", "() => { process.on('exit', () => {}); return process.pid }"],
  ];
  for (const [what, source] of leftovers) {
    it(`is not used again when its task has left ${what}`, async () => {
      const bundle = place.bundle(source);
      place.start(1, bundle);
      const pid = await pidOf(1);
      place.start(2, bundle);
      assert.notEqual(pid, await pidOf(2));
      await eventually("its end", () => isGone(pid));
    });
  }

  const bounds = [
    ["older than it may be", { ageMaxMs: 1 }, "it is old enough"],
    ["larger than it may be", { rssBytesMax: 1 }, "it has become too large"],
  ] as const;
  for (const [what, bound, why] of bounds) {
    it(`that is ${what} ends after its task, and another one takes its place`, async () => {
      await place.close();
      place = await FunctionProcesses.open(undefined, bound);
      const bundle = place.bundle(whoIsIt);
      place.start(1, bundle);
      const pid = await pidOf(1);
      place.start(2, bundle);
      assert.notEqual(pid, await pidOf(2));
      await eventually("its end", () => isGone(pid));
      assert.ok(place.told.some((line) => line.includes(why)));
      assert.equal(place.pool.measure().processRecycledCount, 2);
    });
  }

  it("is not used after a renewal; one that is busy ends after its task", async () => {
    const waits = "await new Promise((resolve) => setTimeout(resolve, ms));";
    const bundle = place.bundle(`async (ms) => { ${waits} return process.pid; }`);
    place.start(1, bundle, [0]);
    const idle = await pidOf(1);
    place.pool.renew();
    place.start(2, bundle, [50]);
    place.pool.renew();
    place.start(3, bundle, [0]);
    const pids = [idle, await pidOf(2), await pidOf(3)];
    assert.equal(new Set(pids).size, 3);
    await eventually("their ends", () => isGone(pids[0]) && isGone(pids[1]));
  });

  it("is counted with what it has for itself, while it is there", async () => {
    assert.deepEqual(place.pool.measure().processCount, 0);
    place.start(1, place.bundle(whoIsIt, "export const tide = Buffer.alloc(1e8, 1);"));
    await pidOf(1);
    const { processCount, processBytes } = place.pool.measure();
    assert.equal(processCount, 1);
    assert.ok(processBytes > 1e8 && processBytes < 1e9, `${processBytes} bytes`);
    place.pool.endIdle();
    await eventually("its end", () => place.pool.measure().processCount === 0);
  });

  it("that has died meanwhile is not used", async () => {
    const bundle = place.bundle(whoIsIt);
    place.start(1, bundle);
    const pid = await pidOf(1);
    process.kill(pid, "SIGKILL");
    await eventually("its end", () => isGone(pid));
    await eventually("that it is known", () => place.told.some((one) => one.includes("SIGKILL")));
    place.start(2, bundle);
    assert.notEqual(await pidOf(2), pid);
  });

  it("ends with the connection of its worker", async () => {
    place.start(1, place.bundle(whoIsIt));
    const pid = await pidOf(1);
    place.executor.close();
    await eventually("its end", () => isGone(pid));
  });
});

describe("an agent that dies together with its launcher", () => {
  it("leaves a busy process to the next agent, which ends it before anything else", async () => {
    place.start(1, place.bundle("() => { console.log('pid ' + process.pid); for (;;) {} }"));
    await eventually("its pid", () => /pid \d+\n/.test(place.log(1)));
    const pid = Number(/pid (\d+)\n/.exec(place.log(1))?.[1]);
    await place.die();
    assert(!isGone(pid), "it is too busy to notice");
    place = await FunctionProcesses.open(place.directory);
    assert(isGone(pid));
    place.start(2, place.bundle("() => 2"));
    assert.equal(await place.sink.value(2), 2);
  });
});

describe("a launcher that dies", () => {
  it("takes no running function along, and the next one starts processes again", async () => {
    const file = `${place.directory}/go`;
    const source = `async (file) => {
      console.error("nobody reads this");
      while (!existsSync(file)) await new Promise((resolve) => setTimeout(resolve, 5));
      console.error("nor this");
      return process.ppid;
    }`;
    const bundle = place.bundle(source, 'import { existsSync } from "node:fs";');
    place.start(1, bundle, [file]);
    await place.sink.until(() => place.sink.news.some(({ type }) => type === "started"));
    const claim = findLauncher(`${place.directory}/launcher`);
    assert(claim !== null);
    process.kill(claim.pid, "SIGKILL");
    await eventually("another launcher", () => {
      const next = findLauncher(`${place.directory}/launcher`);
      return next !== null && next.pid !== claim.pid;
    });
    writeFileSync(file, "");
    await place.sink.value(1);
    place.start(2, bundle, [file]);
    await place.sink.value(2);
  });
});
