/**
 * A cluster of real processes for the fault tests, and the one question that ends each of them: is
 * anything left of the work that is over?
 *
 * @module
 */

import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { LocalOptions } from "../../src/backends/local-options.ts";
import {
  type Client,
  connect,
  type LocalCluster,
  startLocalCluster,
} from "../../src/client/index.ts";

/** Waits until `condition` holds; fails after `ms`, saying what it waited for. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  ms = 30_000,
): Promise<void> {
  const deadline = Date.now() + ms;
  while (!(await condition())) {
    if (Date.now() >= deadline) assert.fail(`waited ${ms} ms for: ${what}`);
    await pause(10);
  }
}

/** A directory of one test, a cluster and a client in it. */
export class FaultCluster {
  readonly directory = mkdtempSync(join(tmpdir(), "capstan-faults-"));
  readonly #clients: Client[] = [];
  #cluster: LocalCluster | null = null;

  async start(options: LocalOptions): Promise<Client> {
    this.#cluster = await startLocalCluster(options);
    return this.connect();
  }

  async connect(): Promise<Client> {
    const client = await connect(this.cluster.url, { token: this.cluster.token });
    this.#clients.push(client);
    return client;
  }

  get cluster(): LocalCluster {
    assert.ok(this.#cluster !== null, "the test has started a cluster");
    return this.#cluster;
  }

  path(name: string): string {
    return join(this.directory, name);
  }

  async close(): Promise<void> {
    for (const client of this.#clients) await client.close();
    await this.#cluster?.close();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** The lines of a file that tasks append to; none if no task has begun. */
export function linesOf(file: string): string[] {
  if (!existsSync(file)) return [];
  return readFileSync(file, "utf8").split("\n").slice(0, -1);
}

/** Whether a process is there and not a zombie. */
export function lives(pid: number): boolean {
  if (!existsSync(`/proc/${pid}/stat`)) return false;
  return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
}

interface Doctor {
  readonly ok: boolean;
  readonly orphans: readonly unknown[];
}

interface WorkerRow {
  readonly workerId: string;
  readonly state: string;
  readonly committed: { readonly cpuMilli: number; readonly memoryBytes: number };
  readonly runningTaskIds: readonly string[];
}

/** What of a cluster whose work is over is not as it should be; empty when all is. */
export async function leftovers(client: Client): Promise<string[]> {
  const doctor = (await client.call("GetDoctorReport")) as Doctor;
  const workers = (await client.workers()) as unknown as readonly WorkerRow[];
  const found = doctor.ok && doctor.orphans.length === 0 ? [] : [JSON.stringify(doctor)];
  for (const { workerId, committed, runningTaskIds } of workers) {
    if (committed.cpuMilli === 0 && committed.memoryBytes === 0 && runningTaskIds.length === 0) {
      continue;
    }
    found.push(`${workerId} is charged ${JSON.stringify(committed)} for ${runningTaskIds}`);
  }
  return found;
}

/** Fails unless the doctor finds nothing and no worker is charged, soon after the work is over. */
export async function assertNothingIsLeft(client: Client): Promise<void> {
  const deadline = Date.now() + 20_000;
  for (;;) {
    const found = await leftovers(client);
    if (found.length === 0) return;
    if (Date.now() >= deadline) assert.fail(found.join("\n"));
    await pause(50);
  }
}
