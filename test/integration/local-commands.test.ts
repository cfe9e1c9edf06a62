/**
 * Commands on a whole local cluster, when processes of it are killed: what must go on goes on, and
 * what must end leaves nothing behind.
 *
 * @module
 */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, it } from "node:test";
import { launcherOf } from "../../src/backends/host-processes.ts";
import { type LocalProcesses, startLocalProcesses } from "../../src/backends/local.ts";
import { listPids, readEnvironment } from "../../src/shell/launcher/process-table.ts";
import { Closers, until } from "../shell/command-worker.ts";

const closers = new Closers();

afterEach(() => closers.close());

interface Attempt {
  readonly workerId: string;
  readonly state: string;
  readonly cause: string | null;
}

interface Status {
  readonly job: { readonly state: string };
  readonly tasks: readonly { readonly workerId: string; readonly attempts: readonly Attempt[] }[];
}

/** A cluster with one job in it, whose processes can be told from all others. */
class MarkedJob {
  readonly #marker = randomUUID();
  readonly directory = mkdtempSync(join(tmpdir(), "capstan-local-commands-"));
  readonly dataDir = join(this.directory, "data");
  url = "";

  constructor() {
    closers.add(() => rmSync(this.directory, { recursive: true, force: true }));
  }

  async start(workers: number): Promise<LocalProcesses> {
    const cluster = await startLocalProcesses({ workers, dataDir: this.dataDir, cpu: 1 });
    closers.add(() => cluster.close());
    this.url = cluster.url;
    return cluster;
  }

  /** Does not heed SIGTERM, has a child in a session of its own, ends when it is told to. */
  async launch(): Promise<void> {
    const script = `trap "" TERM; setsid sleep 300 & touch "$RUNS"
      until [ -e "$END" ]; do sleep 0.05; done`;
    const env = { MARKER: this.#marker, RUNS: this.file("runs"), END: this.file("end") };
    const command = { argv: ["/bin/sh", "-c", script], env };
    await this.call("LaunchJob", { name: "/root/patient", command });
    await until("the job to run", () => existsSync(this.file("runs")));
  }

  status(): Promise<Status> {
    return this.call("GetJobStatus", { jobId: "/root/patient" }) as Promise<Status>;
  }

  /** In which place the worker is that the job was last sent to. */
  async place(): Promise<number> {
    const { tasks } = await this.status();
    return Number(tasks[0].attempts.at(-1)?.workerId.slice("local-".length));
  }

  /** The processes of the job, by their environment. */
  pids(): readonly number[] {
    return listPids().filter((pid) => readEnvironment(pid).includes(`MARKER=${this.#marker}`));
  }

  launchers(workers: number): readonly (number | null)[] {
    return Array.from({ length: workers }, (_, index) => {
      const launcher = launcherOf(join(this.dataDir, "workers", `local-${index}`));
      return launcher?.pid ?? null;
    });
  }

  file(name: string): string {
    return join(this.directory, name);
  }

  async call(method: string, request: object): Promise<unknown> {
    const response = await fetch(new URL(`/v1/rpc/${method}`, this.url), {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(request),
    });
    const text = await response.text();
    assert.equal(response.status, 200, text);
    return JSON.parse(text);
  }
}

describe("a command on a local cluster", () => {
  it("goes on when its worker is killed, and is taken over by the next one", async () => {
    const job = new MarkedJob();
    const cluster = await job.start(1);
    await job.launch();
    const before = job.pids();
    assert.ok(before.length >= 2);
    await cluster.killWorker(0);
    await until("the next worker", () => cluster.workers[0].pid !== 0);
    writeFileSync(job.file("end"), "");
    await until("success", async () => (await job.status()).job.state === "SUCCEEDED");
    const { tasks } = await job.status();
    assert.equal(tasks[0].attempts.length, 1);
    assert.deepEqual(job.pids(), []);
  });

  it("dies with its host, and runs again on another", async () => {
    const job = new MarkedJob();
    const cluster = await job.start(2);
    await job.launch();
    const first = await job.place();
    rmSync(job.file("runs"));
    const before = job.pids();
    await cluster.killHost(first);
    assert.deepEqual(
      job.pids().filter((pid) => before.includes(pid)),
      [],
    );
    await until("it to run again", () => existsSync(job.file("runs")));
    writeFileSync(job.file("end"), "");
    await until("success", async () => (await job.status()).job.state === "SUCCEEDED");
    assert.equal((await job.status()).tasks[0].attempts.length, 2);
  });

  it("ends with its cluster, even if it does not want to", async () => {
    const job = new MarkedJob();
    const cluster = await job.start(2);
    await job.launch();
    assert.ok(job.pids().length >= 2);
    await cluster.close();
    assert.deepEqual(job.pids(), []);
    assert.deepEqual(job.launchers(2), [null, null]);
  });

  it("ends with the program that started its cluster, even if that is killed", async () => {
    const job = new MarkedJob();
    const module = JSON.stringify(new URL("../../src/backends/local.ts", import.meta.url).href);
    const program = `
      const { startLocalProcesses } = await import(${module});
      const dataDir = ${JSON.stringify(job.dataDir)};
      console.log((await startLocalProcesses({ workers: 1, dataDir })).url);`;
    const flags = ["--disable-warning=ExperimentalWarning", "--input-type=module", "-e", program];
    const child = spawn(process.execPath, flags, { stdio: ["ignore", "pipe", "inherit"] });
    const [line] = (await once(child.stdout, "data")) as [Buffer];
    job.url = line.toString().trim();
    await job.launch();
    child.kill("SIGKILL");
    await until("everything to end", () => job.pids().length === 0);
    await until("the launcher to end", () => job.launchers(1)[0] === null);
  });
});
