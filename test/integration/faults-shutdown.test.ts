/**
 * How the programs end when they are asked to, and whom they refuse: `up`, `controller` and
 * `worker` as people start them.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { fileURLToPath } from "node:url";
import { connect, startLocalCluster } from "../../src/client/index.ts";
import { linesOf, lives, until } from "./faults-cluster.ts";
import { hold, increment } from "./faults-tasks.ts";

const main = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
let home: string;
let started: Program[];

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "capstan-shutdown-"));
  started = [];
});

afterEach(() => {
  for (const { child, pids } of started) for (const pid of [child.pid, ...pids()]) stopHard(pid);
  rmSync(home, { recursive: true, force: true });
});

function stopHard(pid: number | undefined): void {
  if (pid !== undefined && lives(pid)) process.kill(pid, "SIGKILL");
}

/** A command that runs until it is asked to end. */
interface Program {
  readonly child: ChildProcess;
  /** What it has said of itself, from its first line of JSON. */
  readonly announced: Promise<{ readonly [field: string]: unknown }>;
  readonly ended: Promise<number | null>;
  /** Its standard error so far. */
  text(): string;
  /** Every process that it has started and that lives, and theirs. */
  pids(): number[];
}

function run(argv: readonly string[], env: NodeJS.ProcessEnv = {}): Program {
  const args = ["--disable-warning=ExperimentalWarning", main, ...argv];
  const { CAPSTAN_TOKEN: _inherited, ...environment } = process.env;
  const child = spawn(process.execPath, args, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...environment, CAPSTAN_HOME: home, ...env },
  });
  const output = { out: "", err: "" };
  child.stderr.on("data", (chunk) => {
    output.err += chunk;
  });
  const announced = new Promise<{ readonly [field: string]: unknown }>((resolve) => {
    child.stdout.on("data", (chunk) => {
      output.out += chunk;
      if (output.out.includes("\n")) resolve(JSON.parse(output.out.split("\n")[0]));
    });
  });
  const ended = once(child, "exit").then(([code]) => code as number | null);
  const text = () => output.err;
  const program = { child, announced, ended, text, pids: () => descendantsOf(child.pid ?? 0) };
  started.push(program);
  return program;
}

function descendantsOf(pid: number): number[] {
  const children = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((other) => parentOf(other) === pid);
  return children.flatMap((child) => [child, ...descendantsOf(child)]);
}

function parentOf(pid: number): number {
  try {
    return Number(/\) \S+ (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, "utf8"))?.[1]);
  } catch {
    return 0; // It ended while we looked.
  }
}

/** Signals the program and checks how it ends: code 0, and nothing of it is left. */
async function assertEndsCleanly(program: Program, signal: NodeJS.Signals): Promise<void> {
  const pids = program.pids();
  assert.ok(pids.length > 0, "it has processes to end");
  program.child.kill(signal);
  assert.equal(await program.ended, 0, program.text());
  assert.deepEqual(pids.filter(lives), []);
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  test(`up ends with 0 on ${signal} while a task runs, and leaves no process`, async () => {
    const up = run(["up", "--workers", "2", "--port", "0", "--json"]);
    const { url } = await up.announced;
    process.env.CAPSTAN_HOME = home;
    const client = await connect(String(url)); // Its token is where \`up\` left it.
    delete process.env.CAPSTAN_HOME;
    const file = join(home, "runs");
    const held = client.submit(hold, [file]);
    await until("the task to begin", () => linesOf(file).length === 1);
    await assertEndsCleanly(up, signal);
    await client.close();
    await held.exception({ timeoutMs: 10_000 }); // It was stopped or lost; it does not hang.
  });

  test(`controller and worker end with 0 on ${signal}, and leave no process`, async () => {
    const controller = run(["controller", "--listen", "127.0.0.1:0"]);
    const url = String((await controller.announced).listening);
    const worker = run(["worker", "--controller", url, "--cpu", "1", "--id", "w"]);
    await worker.announced;
    const client = await connect(url);
    assert.equal(await client.submit(increment, [1]).result({ timeoutMs: 20_000 }), 2);
    await assertEndsCleanly(worker, signal);
    await until("the worker to be gone", async () => {
      return (await client.workers()).every(({ state }) => state === "LOST");
    });
    await client.close();
    await assertEndsCleanly(controller, signal);
  });
}

test("client, workers and controller that are closed together end, in whatever order", async () => {
  for (const order of ["kcw", "wck"]) {
    const cluster = await startLocalCluster({ workers: 1, threads: 2, logFile: join(home, "log") });
    const client = await connect(cluster.url, { token: cluster.token });
    const file = join(home, order);
    const held = client.submit(hold, [file]);
    const waits = client.submit(increment, [client.submit(increment, [1], { priority: -1 })]);
    await until("the task to begin", () => linesOf(file).length === 1);
    const { processes, workers } = cluster;
    const pids = [workers[0].pid, processes.controllerPid];
    const end = {
      c: () => client.close(),
      w: () => cluster.killWorker(0, "SIGTERM"),
      k: () => processes.killController("SIGTERM"),
    };
    const ends = [...order].map((who) => end[who as keyof typeof end]());
    const outcomes = [held, waits].map((future) => future.exception({ timeoutMs: 60_000 }));
    await Promise.all(ends);
    await cluster.close();
    await Promise.allSettled(outcomes);
    assert.deepEqual(pids.filter(lives), [], order);
  }
});

test("a second controller on a data directory or a port is refused and says so", async () => {
  const store = join(home, "data");
  const first = run(["controller", "--listen", "127.0.0.1:0", "--store", store]);
  const url = new URL(String((await first.announced).listening));
  const sameStore = run(["controller", "--listen", "127.0.0.1:0", "--store", store, "--json"]);
  assert.equal(await sameStore.ended, 4);
  assert.match(sameStore.text(), /DATA_DIRECTORY_IN_USE/);
  const samePort = run(["controller", "--listen", `127.0.0.1:${url.port}`]);
  assert.equal(await samePort.ended, 4);
  assert.match(
    samePort.text(),
    new RegExp(`^capstan: port ${url.port} on 127.0.0.1 is in use.*\\n$`),
  );
  assert.equal((await get(url, "/healthz")).status, 200);
  await assertEndsCleanly(first, "SIGTERM");
});

test("listening off loopback without a token is refused, and with one it is served", async () => {
  const open = run(["controller", "--listen", "0.0.0.0:0"]);
  assert.equal(await open.ended, 2);
  assert.match(open.text(), /Give a token, or listen on 127\.0\.0\.1/);
  const closed = run(["controller", "--listen", "0.0.0.0:0"], { CAPSTAN_TOKEN: "right" });
  const url = new URL(String((await closed.announced).listening));
  assert.equal((await get(url, "/readyz")).status, 200);
  assert.equal((await get(url, "/healthz", { Host: "evil.example" })).status, 403);
  assert.equal((await get(url, "/healthz", { Origin: "http://evil.example" })).status, 403);
  assert.equal((await get(url, "/metricz")).status, 401);
  await assert.rejects(connect(url.href, { token: "wrong" }), { code: "UNAUTHENTICATED" });
  const worker = run(["worker", "--controller", url.href, "--id", "w"], { CAPSTAN_TOKEN: "wrong" });
  assert.equal(await worker.ended, 4, "a worker that is refused for good ends and says why");
  assert.match(worker.text(), /UNAUTHENTICATED/);
  await using client = await connect(url.href, { token: "right" });
  assert.deepEqual(await client.workers(), []);
});

/** The status of an answer; node:http and not fetch, which does not let one choose the Host. */
function get(
  url: URL,
  path: string,
  headers: { readonly [name: string]: string } = {},
): Promise<{ readonly status: number }> {
  return new Promise((resolve, reject) => {
    const asked = request(new URL(path, url), { headers, agent: false }, (response) => {
      response.resume();
      resolve({ status: response.statusCode ?? 0 });
    });
    asked.once("error", reject);
    asked.end();
  });
}

test("a command line that makes no sense is exit code 2 and names what is wrong", async () => {
  const lines: readonly (readonly [string, RegExp])[] = [
    ["up --wrokers 2", /wrokers/],
    ["up --cpu 0 --port 0", /cpu must be a number above 0/],
    ["up --memory lots --port 0", /lots/],
    ["worker --controller http://127.0.0.1:1 --cpu -1", /-1/],
    ["worker --controller http://127.0.0.1:1 --memory -5g", /-5g/],
    ["worker --controller http://127.0.0.1:1 --resource license=-1", /license/],
    ["worker --controller http://127.0.0.1:1 --device gpu", /gpu/],
    ["worker --controller ftp://x", /http address/],
    ["controller --listen 7070", /HOST:PORT/],
  ];
  for (const [line, expected] of lines) {
    const program = run(line.split(" "));
    assert.equal(await program.ended, 2, `${line}: ${program.text()}`);
    assert.match(program.text(), expected, line);
  }
});
