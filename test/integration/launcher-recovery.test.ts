/**
 * Attempts outlive the worker, and the launcher too; and what a launcher costs.
 *
 * @module
 */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { findLauncher } from "../../src/shell/launcher/claims.ts";
import type { LaunchOrder } from "../../src/shell/launcher/launcher-client.ts";
import { readLog } from "../../src/shell/launcher/log-reader.ts";
import { eventually, groupsOf, killProcess, Place, processesWith } from "./launcher-place.ts";

const workerEntry = fileURLToPath(new URL("launcher-worker.ts", import.meta.url));
const launcherEntry = fileURLToPath(new URL("../../src/shell/launcher-entry.ts", import.meta.url));
const flags = ["--disable-warning=ExperimentalWarning"];
const sh = (script: string): readonly string[] => ["sh", "-c", script];

/** Runs a worker in a process of its own until it has seen everything that is waited for. */
async function workerThatIsKilled(
  t: TestContext,
  place: Place,
  orders: readonly LaunchOrder[],
  files: readonly string[],
): Promise<void> {
  const args = [...flags, workerEntry, place.directory, JSON.stringify(orders)];
  const worker = spawn(process.execPath, args, { stdio: "inherit" });
  t.after(() => worker.kill("SIGKILL"));
  for (const file of files) await place.seen(file);
  worker.kill("SIGKILL");
  await once(worker, "exit");
}

test("attempts of a killed worker go on, and the next one finds them by their tags", async (t) => {
  const place = new Place(t);
  const runs = place.order(
    sh("touch up; while [ ! -e go ]; do sleep 0.02; done; echo late; exit 4"),
    {
      tag: { task: 7 },
    },
  );
  const ends = place.order(sh("echo early; exit 3"), { tag: "b" });
  await workerThatIsKilled(t, place, [runs, ends], ["up", `ended-${ends.attemptId}`]);
  place.acknowledges = false;
  const { survivors } = await place.open();
  assert.deepEqual(
    survivors.map(({ attemptId, tag }) => [attemptId, tag]),
    [[runs.attemptId, { task: 7 }]],
  );
  assert.equal((await place.ended(ends.attemptId)).stdoutResult, "early\n");
  place.launcher.launch(runs); // Ordered again by a worker that is not sure: it must not run twice.
  rmSync(join(place.directory, "up"));
  mkdirSync(join(place.directory, "go"));
  const late = await place.ended(runs.attemptId);
  assert.deepEqual([late.exitCode, late.stdoutResult, late.kind], [4, "late\n", "exited"]);
  assert.deepEqual(readdirSync(place.directory).includes("up"), false);
});

test("an end is told again on every connection until it is acknowledged", async (t) => {
  const place = new Place(t);
  place.acknowledges = false;
  await place.open();
  const record = await place.run(["true"]);
  for (const count of [2, 3]) {
    await place.launcher.close();
    await place.open();
    await eventually("it is told again", () => place.told.length === count);
    assert.deepEqual(place.told.at(-1), record);
  }
  place.launcher.acknowledge(record.attemptId);
  await place.launcher.close();
  await place.open();
  const next = await place.run(["true"]);
  assert.deepEqual(place.told.slice(3), [next]);
  assert.deepEqual(place.losses, []);
});

for (const useCgroups of [true, false]) {
  const how = useCgroups ? "control groups" : "looking";
  test(`the next launcher finds what a killed one left, by ${how}`, async (t) => {
    const place = new Place(t, { useCgroups });
    const first = await place.open();
    const word = `3800.${process.pid}${useCgroups ? 1 : 2}`;
    const survives = place.launch(sh(`touch up; exec sleep ${word}`), {
      tag: "s",
      leaseMs: 600_000,
    });
    const dies = place.launch(sh("touch there; exec sleep 3600"));
    place.acknowledges = false;
    const ended = await place.run(sh("exit 9"));
    await Promise.all([place.seen("up"), place.seen("there")]);
    await killProcess(first.pid);
    await eventually("the loss is told", () => place.losses.length === 1);
    assert.match(place.losses[0].message, new RegExp(`launcher with pid ${first.pid} is gone`));
    const deadPid = place.startedPids.get(dies) ?? 0;
    await killProcess(deadPid);

    const second = await place.open();
    assert.notEqual(second.pid, first.pid);
    assert.deepEqual(
      second.survivors.map(({ attemptId, tag, pid }) => [attemptId, tag, pid]),
      [[survives, "s", place.startedPids.get(survives)]],
    );
    await eventually("all ends are told", () => place.told.length === 3);
    assert.deepEqual(
      place.told.find(({ exitCode }) => exitCode === 9),
      ended,
    );
    const lost = await place.ended(dies);
    assert.deepEqual(
      [lost.kind, lost.exitCode, lost.signal, lost.pid],
      ["lost", null, null, deadPid],
    );
    assert.match(lost.message, /exit status and its last output are not known/);

    second.stop(survives, 5_000);
    const stopped = await place.ended(survives);
    assert.deepEqual([stopped.kind, stopped.stop, stopped.tag], ["lost", "stopped", "s"]);
    assert.match(stopped.message, /EPIPE/);
    assert.deepEqual(processesWith(word), []);
    for (const id of place.records.keys()) second.acknowledge(id);
    await second.shutdown();
    assert.deepEqual(groupsOf(first.pid), []);
    assert.deepEqual(readdirSync(join(place.directory, "attempts")), []);
  });
}

test("a lease goes on to age while no launcher lives", async (t) => {
  const place = new Place(t);
  const first = await place.open();
  const id = place.launch(sh("touch up; exec sleep 3600"), { leaseMs: 300 });
  await place.seen("up");
  await killProcess(first.pid);
  await place.open();
  assert.equal((await place.ended(id)).stop, "lease");
});

test("a timeout is enforced by the next launcher, from the first one's start", async (t) => {
  const place = new Place(t);
  const first = await place.open();
  const id = place.launch(sh("touch up; exec sleep 3600"), { timeoutMs: 700 });
  await place.seen("up");
  await killProcess(first.pid);
  await place.open();
  assert.equal((await place.ended(id)).stop, "timeout");
});

test("a second launcher of a directory ends with 0 and changes nothing", async (t) => {
  const place = new Place(t);
  const { pid } = await place.open();
  const second = spawn(process.execPath, [...flags, launcherEntry, place.directory]);
  assert.deepEqual(await once(second, "exit"), [0, null]);
  assert.equal(findLauncher(place.directory)?.pid, pid);
  assert.equal((await place.run(["true"])).exitCode, 0);
});

test("of workers that open a directory together all find the same launcher", async (t) => {
  const place = new Place(t);
  const all = await Promise.all([place.open(), place.open(), place.open()]);
  assert.equal(new Set(all.map(({ pid }) => pid)).size, 1);
  for (const each of all.slice(0, 2)) await each.close();
});

test("a directory whose path is too long for a socket has its socket elsewhere", async (t) => {
  const under = join(mkdtempSync(join(tmpdir(), "capstan-long-")), "x".repeat(120));
  mkdirSync(under, { recursive: true });
  const place = new Place(t, { under });
  t.after(() => rmSync(join(under, ".."), { recursive: true, force: true }));
  await place.open();
  const socketPath = findLauncher(place.directory)?.socketPath ?? "";
  assert.ok(Buffer.byteLength(socketPath) <= 107 && !socketPath.startsWith(under));
  assert.equal((await place.run(["true"])).exitCode, 0);
  await place.launcher.shutdown();
  assert.throws(() => readFileSync(socketPath), { code: "ENOENT" });
});

test("what is not a message costs its sender the connection, and nobody else", async (t) => {
  const place = new Place(t);
  await place.open();
  const socket = connect(findLauncher(place.directory)?.socketPath ?? "");
  socket.on("error", () => undefined);
  socket.resume();
  socket.write('{"type":"launch","order":{"attemptId":"../../x"}}\n');
  await once(socket, "close");
  assert.equal((await place.run(["true"])).exitCode, 0);
});

test("a log that rotates keeps its ends and says in the record what is gone", async (t) => {
  const place = new Place(t);
  await place.open();
  const bytes = 80_000_000;
  const record = await place.run(sh(`yes ${"y".repeat(999)} | head -c ${bytes}; echo; echo end`));
  assert.equal(record.stdoutBytes, bytes + 1 + 4);
  assert.ok(record.droppedLogBytes > 0);
  const directory = place.logDirectory(record.attemptId);
  const { lines } = await readLog({ directory, cursor: "", tail: 1 });
  assert.equal(lines[0].text, "end");
  let droppedBytes = 0;
  let complete = false;
  for (let cursor = ""; !complete; ) {
    const page = await readLog({ directory, cursor });
    droppedBytes += page.droppedBytes;
    ({ cursor, complete } = page);
  }
  assert.equal(droppedBytes, record.droppedLogBytes);
});

test("a launcher is small, and starts programs at a rate that is printed", async (t) => {
  // A source file is compiled by a large library; from the cache it is not, as when it is built.
  const cache = mkdtempSync(join(tmpdir(), "capstan-cache-"));
  process.env.NODE_COMPILE_CACHE = cache;
  t.after(() => {
    delete process.env.NODE_COMPILE_CACHE;
    rmSync(cache, { recursive: true, force: true });
  });
  const place = new Place(t);
  await (await place.open()).shutdown();
  const { pid } = await place.open();
  await Promise.all(Array.from({ length: 8 }, () => place.run(sh("echo a line"))));
  const mebibytes = residentMebibytes(pid);
  assert.ok(mebibytes <= 60, `${mebibytes} MiB`);
  const beganAt = performance.now();
  await Promise.all(Array.from({ length: 300 }, () => place.run(["/bin/true"])));
  const rate = 300_000 / (performance.now() - beganAt);
  t.diagnostic(`${mebibytes} MiB idle, ${residentMebibytes(pid)} MiB after 300 attempts at once`);
  t.diagnostic(`${Math.round(rate)} starts of /bin/true a second`);
  assert.ok(rate >= 10, `${rate} starts a second`); // Tests share the machine.
});

function residentMebibytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Math.round(Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024);
}
