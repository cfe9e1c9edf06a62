/**
 * What a launcher does with real programs, with control groups and without.
 *
 * @module
 */

import assert from "node:assert/strict";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { readLog } from "../../src/shell/launcher/log-reader.ts";
import { eventually, groupsOf, Place, processesWith } from "./launcher-place.ts";

const sh = (script: string): readonly string[] => ["sh", "-c", script];

test("an exit code and a signal are reported as they are, and are on the disk", async (t) => {
  const place = new Place(t);
  await place.open();
  const failed = await place.run(sh("echo out; echo err >&2; exit 3"), { tag: { n: [1] } });
  const { exitCode, signal, kind, stop, oom, stdoutResult, stderrTail, tag } = failed;
  assert.deepEqual(
    { exitCode, signal, kind, stop, oom, stdoutResult, stderrTail, tag },
    {
      ...{ exitCode: 3, signal: null, kind: "exited", stop: "none", oom: false },
      ...{ stdoutResult: "out\n", stderrTail: "err\n", tag: { n: [1] } },
    },
  );
  assert.deepEqual([failed.stdoutBytes, failed.stderrBytes, failed.droppedLogBytes], [4, 4, 0]);
  assert.ok(failed.endedAtMs >= failed.startedAtMs);
  assert.equal(failed.pid, place.startedPids.get(failed.attemptId));
  const onDisk = readFileSync(join(place.logDirectory(failed.attemptId), "exit.json"), "utf8");
  assert.deepEqual(JSON.parse(onDisk), failed);
  const killed = await place.run(sh("kill -KILL $$"));
  assert.deepEqual([killed.exitCode, killed.signal, killed.stop], [null, "SIGKILL", "none"]);
});

test("what cannot be started says which field is wrong", async (t) => {
  const place = new Place(t);
  await place.open();
  const script = join(place.directory, "script");
  writeFileSync(script, "#!/no/such/interpreter\n");
  chmodSync(script, 0o755);
  const plain = join(place.directory, "plain");
  writeFileSync(plain, "text");
  const cases: readonly [object, RegExp][] = [
    [{ argv: ["no-such-program"] }, /^argv\[0\]: "no-such-program" is no executable file in PATH/],
    [{ argv: ["./nothing"] }, /^argv\[0\]: ".\/nothing" does not exist/],
    [{ argv: [script] }, /^argv\[0\]: the interpreter of .* does not exist/],
    [{ argv: [plain] }, /may not be executed \(EACCES\)/],
    [{ cwd: "/no/such/directory" }, /^cwd: .* is not a directory/],
    [{ argv: ["true", "x".repeat(200_000)] }, /too large/],
  ];
  for (const [options, message] of cases) {
    const record = await place.run(["true"], options);
    assert.equal(record.kind, "start-failed");
    assert.match(record.message, message);
    assert.deepEqual([record.exitCode, record.signal, record.pid], [null, null, 0]);
  }
  assert.throws(() => place.launch(["true"], { attemptId: "../x" }), /attemptId: "..\/x" is not/);
  assert.throws(() => place.launch(["true"], { cwd: "here" }), /cwd: "here" is not an absolute/);
});

test("the environment is the order's and nothing else, whatever its names look like", async (t) => {
  const place = new Place(t);
  process.env.CAPSTAN_TEST_SECRET = "must not be seen";
  t.after(() => delete process.env.CAPSTAN_TEST_SECRET);
  await place.open();
  const env = { PATH: "/usr/bin:/bin", "a.b": "dotted", EMPTY: "", LINES: "1\n2" };
  const { stdoutResult, attemptId } = await place.run(["env", "-0"], { env });
  const seen = new Map(
    stdoutResult
      .split("\0")
      .filter((each) => each !== "")
      .map((each) => [each.slice(0, each.indexOf("=")), each.slice(each.indexOf("=") + 1)]),
  );
  assert.match(seen.get("CAPSTAN_LAUNCH") ?? "", /^[0-9a-f-]{36}$/);
  seen.delete("CAPSTAN_LAUNCH");
  assert.deepEqual(Object.fromEntries(seen), { ...env, CAPSTAN_ATTEMPT_ID: attemptId });
});

test("megabytes on stderr before the first word of stdout do not block", async (t) => {
  const place = new Place(t);
  await place.open();
  const script = "head -c 5000000 /dev/zero | tr '\\0' 'e' >&2; echo done";
  const record = await place.run(sh(script));
  assert.deepEqual([record.exitCode, record.stderrBytes], [0, 5_000_000]);
  assert.equal(record.stdoutResult, "done\n");
  assert.equal(record.stderrTail, "e".repeat(8 * 1024));
});

test("stdin is the order's text, or nothing; stdout can be opened by its name", async (t) => {
  const place = new Place(t);
  await place.open();
  const text = "é".repeat(500_000);
  const long = await place.run(["wc", "-c"], { stdin: text });
  assert.equal(long.stdoutResult.trim(), "1000000");
  assert.equal((await place.run(["cat"])).stdoutResult, "");
  assert.equal((await place.run(sh("echo named > /dev/stdout"))).stdoutResult, "named\n");
});

test("a program that does not read its stdin is ended at its deadline", async (t) => {
  const place = new Place(t);
  await place.open();
  const id = place.launch(["sleep", "3600"], { stdin: "x".repeat(1_000_000), timeoutMs: 150 });
  assert.equal((await place.ended(id)).stop, "timeout");
});

test("a result that is too long is cut between characters and said to be cut", async (t) => {
  const place = new Place(t);
  await place.open();
  const record = await place.run(["printf", "aéé"], { stdoutResultBytesMax: 4 });
  assert.deepEqual([record.stdoutResult, record.resultTruncated], ["aé", true]);
  const whole = await place.run(["printf", "aéé"], { stdoutResultBytesMax: 5 });
  assert.deepEqual([whole.stdoutResult, whole.resultTruncated], ["aéé", false]);
  const none = await place.run(["printf", "a"], { stdoutResultBytesMax: 0 });
  assert.deepEqual([none.stdoutResult, none.resultTruncated], ["", false]);
});

test("the log can be read while it grows; a line without an end is shown as a piece", async (t) => {
  const place = new Place(t);
  await place.open();
  const id = place.launch(
    sh("echo one; printf two; while [ ! -e go ]; do sleep 0.02; done; echo 3"),
  );
  const directory = place.logDirectory(id);
  const read = async () => (await readLog({ directory, cursor: "" })).lines;
  let lines = await read();
  while (lines.length < 2) lines = await read();
  assert.deepEqual(
    lines.map(({ text, continues }) => [text, continues]),
    [
      ["one", false],
      ["two", true],
    ],
  );
  writeFileSync(join(place.directory, "go"), "");
  await place.ended(id);
  const page = await readLog({ directory, cursor: "" });
  assert.deepEqual([page.lines.at(-1)?.text, page.complete], ["3", true]);
});

for (const useCgroups of [true, false]) {
  describe(useCgroups ? "with control groups" : "by looking at all processes", () => {
    test("a stop is SIGTERM, then SIGKILL after the grace, and is answered once", async (t) => {
      const place = new Place(t, { useCgroups });
      await place.open();
      const polite = place.launch(sh("trap 'exit 7' TERM; touch a; while :; do sleep 0.02; done"));
      const deaf = place.launch(sh("trap '' TERM; touch b; while :; do sleep 0.02; done"));
      await Promise.all([place.seen("a"), place.seen("b")]);
      for (const id of [polite, polite, "9.9"]) place.launcher.stop(id, 20_000);
      place.launcher.stop(deaf, 200);
      const politeEnd = await place.ended(polite);
      assert.deepEqual([politeEnd.exitCode, politeEnd.stop], [7, "stopped"]);
      const deafEnd = await place.ended(deaf);
      assert.deepEqual([deafEnd.signal, deafEnd.stop, deafEnd.oom], ["SIGKILL", "stopped", false]);
      assert.equal((await place.run(["true"])).exitCode, 0);
      assert.equal(place.told.length, 3);
    });

    test("a second stop with less grace makes it shorter", async (t) => {
      const place = new Place(t, { useCgroups });
      await place.open();
      const id = place.launch(sh("trap '' TERM; touch a; while :; do sleep 0.02; done"));
      await place.seen("a");
      place.launcher.stop(id, 3_600_000);
      place.launcher.stop(id, 0);
      assert.equal((await place.ended(id)).signal, "SIGKILL");
    });

    test("the end waits for descendants in other sessions, and they are ended", async (t) => {
      const place = new Place(t, { useCgroups });
      await place.open();
      const word = `3600.${process.pid}${useCgroups ? 1 : 2}`;
      const deaf = `trap "" TERM; touch forked; exec sleep ${word}`;
      // Twice forked, so that its parent is gone, and in a session of its own.
      const wait = "while [ ! -e forked ]; do :; done";
      const script = `(setsid sh -c '${deaf}' >/dev/null 2>&1 & ); ${wait}`;
      const record = await place.run(sh(script), { graceMs: 300 });
      assert.deepEqual([record.exitCode, record.stop], [0, "none"]);
      assert.deepEqual(processesWith(word), []);
      assert.ok(record.endedAtMs - record.startedAtMs >= 290, "the grace was waited for");
    });

    test("a stop ends all of a tree, its other sessions too", async (t) => {
      const place = new Place(t, { useCgroups });
      await place.open();
      const word = `3700.${process.pid}${useCgroups ? 1 : 2}`;
      const id = place.launch(sh(`setsid sleep ${word} & touch a; sleep ${word}`));
      await place.seen("a");
      await eventually("both sleep", () => processesWith(word).length >= 2);
      place.launcher.stop(id, 2_000);
      assert.equal((await place.ended(id)).signal, "SIGTERM");
      assert.deepEqual(processesWith(word), []);
    });

    test("more memory than the limit is told as such, even while it is stopped", async (t) => {
      const place = new Place(t, { useCgroups });
      const { capabilities } = await place.open();
      if (useCgroups && capabilities.memory !== "cgroup") {
        return t.skip("this machine lets nobody limit memory by control group");
      }
      const script =
        "process.on('SIGTERM', () => 0); const kept = [];" +
        "require('fs').writeFileSync('ready', '');" +
        "setInterval(() => kept.push(Buffer.alloc(2e6, 1)), 5)";
      const argv = [process.execPath, "-e", script];
      const id = place.launch(argv, { memoryBytes: 96 * 2 ** 20 });
      await place.seen("ready");
      place.launcher.stop(id, 60_000);
      const record = await place.ended(id);
      assert.deepEqual([record.oom, record.signal], [true, "SIGKILL"]);
      assert.ok(record.peakRssBytes >= 80 * 2 ** 20, `${record.peakRssBytes}`);
      assert.ok(record.cpuMs > 0);
    });
  });
}

test("a timeout and a lease that nobody renews stop an attempt; renewing keeps it", async (t) => {
  const place = new Place(t);
  const launcher = await place.open();
  const timed = place.launch(["sleep", "3600"], { timeoutMs: 150 });
  const leased = place.launch(["sleep", "3600"], { leaseMs: 200 });
  assert.deepEqual(await place.ended(timed).then(({ stop }) => stop), "timeout");
  assert.deepEqual(await place.ended(leased).then(({ stop, signal }) => [stop, signal]), [
    "lease",
    "SIGTERM",
  ]);
  const kept = place.launch(["sleep", "1"], { leaseMs: 400 });
  const renewal = setInterval(() => launcher.renewLeases(), 50);
  t.after(() => clearInterval(renewal));
  assert.deepEqual(await place.ended(kept).then(({ stop, exitCode }) => [stop, exitCode]), [
    "none",
    0,
  ]);
});

test("limits leave the environment alone; processes are limited, cores weighed", async (t) => {
  const place = new Place(t);
  const { capabilities } = await place.open();
  for (const env of [{ PATH: "/usr/bin:/bin" }, { PATH: "/usr/bin:/bin", "a.b": "c" }]) {
    const limits = { memoryBytes: 2 ** 30, cpuMilli: 500, pidsMax: 100 };
    const limited = await place.run(["env"], { env, ...limits });
    const seen = limited.stdoutResult.split("\n").filter((line) => !line.startsWith("CAPSTAN_"));
    assert.deepEqual(
      seen.sort(),
      ["", ...Object.entries(env).map((each) => each.join("="))].sort(),
    );
  }
  if (!capabilities.pids) return t.skip("this machine lets nobody limit processes");
  const script = "for i in 1 2 3 4 5 6 7 8; do sleep 0.2 & done; wait";
  const record = await place.run(["bash", "-c", script], { pidsMax: 4, cpuMilli: 1 });
  assert.match(record.stderrTail, /fork/);
});

test("shutdown stops everything, ends the launcher and leaves no group and no claim", async (t) => {
  const place = new Place(t);
  const launcher = await place.open();
  const id = place.launch(sh("trap 'exit 5' TERM; touch a; while :; do sleep 0.02; done"));
  await place.seen("a");
  await launcher.shutdown();
  assert.equal(place.records.get(id)?.exitCode, 5);
  assert.deepEqual(place.losses, []);
  assert.deepEqual(groupsOf(launcher.pid), []);
});
