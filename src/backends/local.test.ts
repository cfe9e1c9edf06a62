/**
 * Rules of a local cluster, with real processes.
 *
 * @module
 */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { launcherOf } from "./host-processes.ts";
import { type LocalProcesses, startLocalProcesses } from "./local.ts";
import type { LocalOptions, WorkerExit } from "./local-options.ts";

/** Whether a process is there and not a zombie. */
function lives(pid: number): boolean {
  if (!existsSync(`/proc/${pid}/stat`)) return false;
  return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
}

/** Waits until `condition` holds; fails after 20 s, saying what it waited for. */
async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!(await condition())) {
    assert.ok(Date.now() < deadline, `waited for: ${what}`);
    await sleep(20);
  }
}

/** Runs `body` with a cluster, and checks that no process of it is left afterwards. */
async function withCluster(
  options: LocalOptions,
  body: (cluster: LocalProcesses) => Promise<void>,
): Promise<void> {
  const cluster = await startLocalProcesses(options);
  const pids = new Set<number>();
  const note = () => {
    for (const pid of [cluster.controllerPid, ...cluster.workers.map((w) => w.pid)]) pids.add(pid);
  };
  note();
  try {
    await body(cluster);
    note();
  } finally {
    await cluster.close();
  }
  for (const pid of pids) assert.equal(lives(pid), false, `process ${pid} was left behind`);
}

interface WorkerRow {
  readonly workerId: string;
  readonly incarnation: string;
  readonly state: string;
}

async function listWorkers(url: string): Promise<readonly WorkerRow[]> {
  const response = await fetch(new URL("/v1/rpc/ListWorkers", url), { method: "POST", body: "{}" });
  assert.equal(response.status, 200);
  return ((await response.json()) as { workers: WorkerRow[] }).workers;
}

test("a cluster is ready when all of its workers have registered", async () => {
  await withCluster({ workers: 2 }, async ({ url, workers }) => {
    const listed = (await listWorkers(url)).map(({ workerId, state }) => [workerId, state]);
    assert.deepEqual(
      listed.sort((a, b) => (a[0] < b[0] ? -1 : 1)),
      [
        ["local-0", "HEALTHY"],
        ["local-1", "HEALTHY"],
      ],
    );
    assert.deepEqual(
      workers.map((worker) => worker.workerId),
      ["local-0", "local-1"],
    );
  });
});

test("a worker that dies is reported at once and started again as a new incarnation", async () => {
  const exits: WorkerExit[] = [];
  const onWorkerExit = (exit: WorkerExit) => void exits.push(exit);
  await withCluster({ workers: 1, onWorkerExit }, async (cluster) => {
    const [before] = cluster.workers;
    await cluster.killWorker(0);
    await until("another process in its place", () => cluster.workers[0].pid !== before.pid);
    assert.equal(exits.length, 1);
    assert.equal(exits[0].status.signal, "SIGKILL");
    const { incarnation } = cluster.workers[0];
    assert.notEqual(incarnation, before.incarnation);
    await until("the new incarnation to register", async () => {
      const [row] = await listWorkers(cluster.url);
      return row.incarnation === incarnation && row.state === "HEALTHY";
    });
  });
});

test("a worker can be added while the cluster runs", async () => {
  await withCluster({ workers: 0 }, async (cluster) => {
    const added = await cluster.addWorker();
    assert.equal(added.workerId, "local-0");
    await until("it to register", async () => (await listWorkers(cluster.url)).length === 1);
  });
});

test("a controller comes back at the same address and its workers return to it", async () => {
  const dataDir = mkdtempSync(join(tmpdir(), "capstan-local-"));
  await withCluster({ workers: 1, dataDir }, async (cluster) => {
    const { url, controllerPid } = cluster;
    await cluster.killController();
    await cluster.startController();
    assert.equal(cluster.url, url);
    assert.notEqual(cluster.controllerPid, controllerPid);
    await until("the worker to be healthy again", async () => {
      const [row] = await listWorkers(url);
      return row?.state === "HEALTHY" && row.incarnation === cluster.workers[0].incarnation;
    });
  });
  rmSync(dataDir, { recursive: true });
});

test("a worker's launcher outlives it, but not its host and not its cluster", async () => {
  const dataDir = mkdtempSync(join(tmpdir(), "capstan-local-"));
  const launcher = () => launcherOf(join(dataDir, "workers", "local-0"))?.pid ?? 0;
  await withCluster({ workers: 1, dataDir }, async (cluster) => {
    const first = launcher();
    assert.ok(lives(first));
    await cluster.killWorker(0);
    assert.ok(lives(first));
    await until("another worker", () => lives(cluster.workers[0].pid));
    assert.equal(launcher(), first);
    await cluster.killHost(0);
    assert.equal(lives(first), false);
    await until("another launcher", () => launcher() !== 0);
  });
  assert.equal(launcher(), 0);
  rmSync(dataDir, { recursive: true });
});

test("a port that is taken is refused by name, and nothing is left running", async () => {
  const squatter = createServer().listen(0, "127.0.0.1");
  await once(squatter, "listening");
  const address = squatter.address();
  assert.ok(typeof address === "object" && address !== null);
  for (const verbose of [false, true]) {
    const start = startLocalProcesses({ workers: 1, port: address.port, verbose });
    await assert.rejects(start, {
      code: "ADDRESS_IN_USE",
      message:
        `port ${address.port} on 127.0.0.1 is in use by another program: stop it, or listen ` +
        `elsewhere (for instance on port ${address.port + 1})`,
    });
  }
  squatter.close();
});

test("a host that is no address is refused in one sentence", async () => {
  const start = startLocalProcesses({ workers: 1, host: "nosuch.invalid", token: "secret" });
  await assert.rejects(start, {
    code: "INVALID_ARGUMENT",
    message: /^cannot listen on nosuch\.invalid:0: .*listen on an address of this one.*$/,
  });
});

test("a second cluster on the same data directory is refused", async () => {
  const dataDir = mkdtempSync(join(tmpdir(), "capstan-local-"));
  await withCluster({ workers: 0, dataDir }, async () => {
    const second = startLocalProcesses({ workers: 0, dataDir });
    await assert.rejects(second, { code: "DATA_DIRECTORY_IN_USE" });
  });
  rmSync(dataDir, { recursive: true });
});

test("a program that is killed leaves no process behind", async () => {
  const module = JSON.stringify(new URL("./local.ts", import.meta.url).href);
  const hostModule = new URL("./host-processes.ts", import.meta.url).href;
  const dataDir = mkdtempSync(join(tmpdir(), "capstan-local-"));
  const program = `
    const { startLocalProcesses } = await import(${module});
    const { join } = await import("node:path");
    const dataDir = ${JSON.stringify(dataDir)};
    const { controllerPid, workers } = await startLocalProcesses({ workers: 1, dataDir });
    const { launcherOf } = await import(${JSON.stringify(hostModule)});
    const launcher = launcherOf(join(dataDir, "workers/local-0"));
    console.log(JSON.stringify([controllerPid, workers[0].pid, launcher.pid]));`;
  const flags = ["--disable-warning=ExperimentalWarning", "--input-type=module", "-e", program];
  const child = spawn(process.execPath, flags, { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  const pids = JSON.parse(line.toString()) as number[];
  assert.deepEqual(pids.map(lives), [true, true, true]);
  child.kill("SIGKILL");
  await until("its processes to end", () => !pids.some(lives));
  rmSync(dataDir, { recursive: true });
});
