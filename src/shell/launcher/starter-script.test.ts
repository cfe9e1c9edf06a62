/**
 * The scripts of starters, run by a real shell.
 *
 * @module
 */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { canBeScripted, preludeOf, startOf } from "./starter-script.ts";

const directory = mkdtempSync(join(tmpdir(), "capstan-starter-"));
after(() => rmSync(directory, { recursive: true }));

const at = (name: string) => join(directory, name);
const [stdout, stderr] = [at("stdout"), at("stderr")];
const paths = { number: 3, reports: at("it's"), said: at("said"), stdout, stderr };
const base = {
  ...{ attemptId: "1.2", argv: ["true"], cwd: "/", stdin: "", logDirectory: "/", tag: null },
  ...{ memoryBytes: 0, cpuMilli: 0, pidsMax: 0, stdoutResultBytesMax: 0 },
  ...{ timeoutMs: 0, graceMs: 0, leaseMs: 0, endsWithWorker: false, sections: null },
  env: { PATH: "/usr/bin:/bin" },
};

function run(order: Partial<typeof base>) {
  writeFileSync(paths.reports, "");
  const script = startOf({ ...base, ...order }, { nonce: "n", file: "/dev/null", paths });
  const input = preludeOf([], paths) + script;
  const { stdout: told } = spawnSync("/bin/sh", { input, env: {}, encoding: "utf8" });
  const [started, ...ended] = told.trim().split("\n");
  assert.match(started, /^S 3 \d+$/);
  const [output, errors, failed] = [paths.stdout, paths.stderr, paths.reports].map((path) =>
    readFileSync(path, "utf8"),
  );
  return { started: started.slice("S 3 ".length), ended, output, errors, failed };
}

test("a program gets exactly its arguments and its environment, whatever is in them", () => {
  const odd = 'it\'s $HOME `x` "y" \\ * \n;';
  const env = { PATH: "/usr/bin:/bin", ODD: odd, n: "1", s: "2", w: "3" };
  const script = 'printf "<%s>" "$1"; env -0';
  const { output } = run({ argv: ["sh", "-c", script, "sh", odd], env });
  assert.ok(output.startsWith(`<${odd}>`));
  const marks = { CAPSTAN_ATTEMPT_ID: "1.2", CAPSTAN_LAUNCH: "n" };
  for (const [name, value] of Object.entries({ ...env, ...marks })) {
    assert.ok(output.includes(`${name}=${value}\0`), name);
  }
});

test("the status says whether it was a number or a signal", () => {
  const { ended } = run({ argv: ["sh", "-c", "exit 3"] });
  assert.deepEqual(ended, ["E 3 3"]);
  assert.deepEqual(run({ argv: ["sh", "-c", "exit 137"] }).ended, ["E 3 137"]);
  assert.deepEqual(run({ argv: ["sh", "-c", "kill -9 $$"] }).ended, ["K 3 137"]);
});

test("a program is told apart by its own pid, and ignores no signal", () => {
  const script = "echo $$; grep SigIgn /proc/self/status";
  const { output, started } = run({ argv: ["sh", "-c", script] });
  assert.deepEqual(output.split("\n").slice(0, 2), [started, "SigIgn:\t0000000000000000"]);
});

test("what cannot become the program says so", () => {
  const missing = run({ argv: ["/no/such/program"] });
  assert.match(missing.errors, /not found/);
  assert.equal(missing.failed, "F 3 127\n");
  assert.match(run({ cwd: "/no/such/directory" }).failed, /^F 3 \d+\n$/);
});

test("orders that a shell would change or that no pipe holds are not for starters", () => {
  assert.ok(canBeScripted(base));
  const refused = [
    { env: {} },
    { env: { ...base.env, "a.b": "dotted" } },
    { env: { ...base.env, IFS: " " } },
    { argv: ["true", "x".repeat(200_000)] },
  ];
  for (const order of refused) assert.ok(!canBeScripted({ ...base, ...order } as typeof base));
});
