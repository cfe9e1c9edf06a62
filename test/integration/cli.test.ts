/**
 * Rules of the `capstan` program, with real processes.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { connect } from "../../src/client/index.ts";
import { double, fail } from "./cli-tasks.ts";

const main = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
const flags = ["--disable-warning=ExperimentalWarning"];

/** What a finished command left. */
interface Finished {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

interface Announced {
  readonly url: string;
  readonly controllerPid: number;
  readonly workers: readonly { readonly pid: number }[];
  readonly tokenFile: string;
}

const home = mkdtempSync(join(tmpdir(), "capstan-cli-"));
let up: ChildProcess;
let cluster: Announced;

function start(argv: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
  return spawn(process.execPath, [...flags, main, ...argv], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, CAPSTAN_HOME: home, CAPSTAN_URL: cluster?.url ?? "", ...env },
  });
}

async function capstan(
  argv: string | readonly string[],
  env?: NodeJS.ProcessEnv,
): Promise<Finished> {
  const child = start(typeof argv === "string" ? argv.split(" ") : argv, env);
  const output = { out: "", err: "" };
  child.stdout?.on("data", (chunk) => {
    output.out += chunk;
  });
  child.stderr?.on("data", (chunk) => {
    output.err += chunk;
  });
  const [code] = (await once(child, "close")) as [number | null];
  return { code, ...output };
}

async function capstanJson(argv: string): Promise<{ readonly [field: string]: unknown }> {
  const { code, out, err } = await capstan(`${argv} --json`);
  assert.equal(code, 0, err);
  return JSON.parse(out);
}

function lives(pid: number): boolean {
  if (!existsSync(`/proc/${pid}/stat`)) return false;
  return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
}

before(async () => {
  up = start(["up", "--workers", "2", "--port", "0", "--data", join(home, "data"), "--json"]);
  up.stderr?.pipe(process.stderr);
  assert.ok(up.stdout !== null);
  const [line] = (await once(up.stdout, "data")) as [Buffer];
  cluster = JSON.parse(line.toString());
});

after(() => {
  up.kill("SIGKILL");
  rmSync(home, { recursive: true, force: true });
});

test("up leaves a token that only its owner can read, and the commands find it", async () => {
  assert.equal(statSync(cluster.tokenFile).mode & 0o777, 0o600);
  const { workers } = await capstanJson("worker list");
  assert.equal((workers as readonly unknown[]).length, 2);
});

test("without the token a command is refused", async () => {
  const { code, err } = await capstan("worker list", { CAPSTAN_TOKEN: "wrong" });
  assert.equal(code, 4);
  assert.match(err, /token/);
});

test("a task that failed is listed, shown, told and explained", async () => {
  const token = readFileSync(cluster.tokenFile, "utf8").trim();
  await using client = await connect(cluster.url, { token });
  const future = client.submit(fail, ["the pump is broken"]);
  const dependent = client.submit(double, [future]);
  assert.match(String(await dependent.exception()), /the pump is broken/);
  const { tasks } = await capstanJson("task list --state FAILED");
  assert.deepEqual(
    (tasks as readonly { taskId: string }[]).map((task) => task.taskId),
    [future.id],
  );
  const shown = await capstan(`task show ${future.id}`);
  assert.equal(shown.code, 0, shown.err);
  assert.match(shown.out, /FAILED/);
  const story = await capstan(`task story ${future.id}`);
  assert.equal(story.code, 0, story.err);
  assert.notEqual(story.out, "");
  const why = await capstan(`why ${dependent.id}`);
  assert.equal(why.code, 0, why.err);
  assert.match(why.out, /UPSTREAM_FAILED/);
});

test("what has ended is not unfinished", async () => {
  const { totalCount } = await capstanJson("task list --unfinished");
  assert.equal(totalCount, 0);
});

test("an id that does not exist is exit code 3", async () => {
  for (const name of ["task show", "task story", "why"]) {
    const { code, err } = await capstan(`${name} /nobody/nothing/0`);
    assert.equal(code, 3, `${name}: ${err}`);
  }
});

test("events, rpc and doctor answer", async () => {
  assert.equal((await capstan("events")).code, 0);
  const { workers } = await capstanJson("rpc ListWorkers");
  assert.equal((workers as readonly unknown[]).length, 2);
  const { ok, violations } = await capstanJson("doctor");
  assert.deepEqual({ ok, violations }, { ok: true, violations: [] });
});

test("a second cluster on the same port is refused and leaves the first alone", async () => {
  const { port } = new URL(cluster.url);
  const { code, err } = await capstan(`up --workers 1 --port ${port}`);
  assert.equal(code, 4, err);
  assert.match(err, new RegExp(port));
  assert.equal((await capstan("worker list")).code, 0);
});

test("the demo ends complete, also when a worker is killed half way", async () => {
  const figure = join(home, "fit.svg");
  const size = "--sets 4 --replicates 60 --workers 2";
  const { code, out, err } = await capstan(
    `demo epidemic ${size} --kill-worker --output ${figure}`,
  );
  assert.equal(code, 0, `${out}${err}`);
  const last = out.trimEnd().split("\n").at(-1) ?? "";
  const numbers = /^240\/240 simulations, 4\/4 aggregations, 0 failed, [\d.]+ s, \d+ tasks\/s/;
  assert.match(last, numbers);
  assert.match(last, /, \d+ recomputed$/);
  assert.match(out, /killed worker local-0 \(pid \d+\)/);
  assert.match(out, /dashboard: http:\/\/127\.0\.0\.1:\d+/);
  assert.match(out, /doctor: healthy/);
  assert.match(readFileSync(figure, "utf8"), /^<svg/);
});

test("Ctrl-C stops every process, removes the token file and is exit code 0", async () => {
  const pids = [cluster.controllerPid, ...cluster.workers.map((worker) => worker.pid)];
  assert.ok(pids.every(lives));
  up.kill("SIGINT");
  const [code] = (await once(up, "exit")) as [number | null];
  assert.equal(code, 0);
  assert.deepEqual(pids.filter(lives), []);
  assert.equal(existsSync(cluster.tokenFile), false);
});
