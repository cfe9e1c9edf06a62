/**
 * Values that do not fit in the memory of their workers: they go to the disk, come back for who
 * reads them, are computed again when the disk loses them, and leave nothing behind.
 *
 * @module
 */

import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import {
  type Client,
  connect,
  type Future,
  type LocalCluster,
  startLocalCluster,
  wait,
} from "../../src/client/index.ts";
import { addBlocks, makeBlock, spanOf } from "./memory-tasks.ts";

const mebibyte = 2 ** 20;
const blockBytes = 8 * mebibyte;
const targetBytes = 32 * mebibyte;
const deadlineMs = 120_000;

describe("values that do not fit in memory", () => {
  let directory: string;
  let cluster: LocalCluster;
  let client: Client;

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), "capstan-memory-"));
  });

  afterEach(async () => {
    await client?.close();
    await cluster?.close();
    rmSync(directory, { recursive: true, force: true });
  });

  async function start(workers: number): Promise<void> {
    cluster = await startLocalCluster({
      workers,
      threads: 1,
      dataDir: directory,
      workerOptions: () => ({ memoryTarget: targetBytes }),
    });
    client = await connect(cluster.url, { token: cluster.token });
  }

  function spilledDirectoryOf(worker: number): string {
    return join(directory, "workers", `local-${worker}`, "spilled");
  }

  function filesOf(worker: number): readonly string[] {
    const spilled = spilledDirectoryOf(worker);
    // A worker that starts empties its directory by making it anew.
    return existsSync(spilled) ? readdirSync(spilled) : [];
  }

  async function makeBlocks(count: number): Promise<readonly Future<Float64Array>[]> {
    const blocks = Array.from({ length: count }, (_, index) =>
      client.submit(makeBlock, [index + 1, blockBytes]),
    );
    await wait(blocks, { timeoutMs: deadlineMs });
    return blocks;
  }

  /** Added two by two; each is let go of when it is read. */
  async function sumOf(blocks: readonly Future<Float64Array>[]): Promise<readonly number[]> {
    let level = [...blocks];
    while (level.length > 1) {
      const [left, right, ...others] = level;
      const sum = client.submit(addBlocks, [left, right]);
      for (const block of [left, right]) block.release();
      level = [...others, sum];
    }
    const span = client.submit(spanOf, [level[0]]);
    level[0].release();
    return span.result({ timeoutMs: deadlineMs });
  }

  async function eventually(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
    const deadline = Date.now() + deadlineMs;
    while (!(await holds())) {
      assert.ok(Date.now() < deadline, what);
      await pause(50);
    }
  }

  it("are reduced, 320 MB on two workers that keep 32 MiB each in memory", async () => {
    await start(2);
    const blocks = await makeBlocks(40);
    await eventually("most of it is on the disk", async () => {
      const workers = await client.workers();
      const spilled = workers.reduce((sum, worker) => sum + worker.spilledBytes, 0);
      return spilled >= 40 * blockBytes - 2 * targetBytes;
    });
    assert.deepEqual(await sumOf(blocks), [820, 820]);
    await eventually("nothing is left on the disk", () => {
      return filesOf(0).length + filesOf(1).length === 0;
    });
    await eventually("the workers say so", async () => {
      const workers = await client.workers();
      return workers.every(({ spilledBytes, loadCount }) => spilledBytes === 0 && loadCount > 0);
    });
  });

  it("are computed again when somebody deletes their files", async () => {
    await start(1);
    const blocks = await makeBlocks(8);
    await eventually("half of them are on the disk", () => filesOf(0).length >= 4);
    for (const file of filesOf(0)) rmSync(join(spilledDirectoryOf(0), file));
    assert.deepEqual(await sumOf(blocks), [36, 36]);
  });

  it("come from the disk to who asks for them, without being read back", async () => {
    await start(1);
    const [first] = await makeBlocks(8);
    await eventually("half of them are on the disk", () => filesOf(0).length >= 4);
    const before = filesOf(0);
    const value = await first.result({ timeoutMs: deadlineMs });
    assert.deepEqual([value.length * 8, value[0], value.at(-1)], [blockBytes, 1, 1]);
    const after = filesOf(0);
    assert.ok(
      before.every((file) => after.includes(file)),
      "what is read back loses its file",
    );
  });

  it("stay in memory while the disk takes none", async () => {
    await start(1);
    rmSync(spilledDirectoryOf(0), { recursive: true });
    writeFileSync(spilledDirectoryOf(0), "no directory");
    const blocks = await makeBlocks(8);
    assert.deepEqual(await sumOf(blocks), [36, 36]);
    await eventually("the worker says that its disk refuses", async () => {
      const [{ spillFailureCount, spilledBytes, state }] = await client.workers();
      return spillFailureCount > 0 && spilledBytes === 0 && state === "HEALTHY";
    });
  });

  it("leave no files behind when their worker is killed", async () => {
    await start(1);
    const blocks = await makeBlocks(8);
    await eventually("half of them are on the disk", () => filesOf(0).length >= 4);
    const before = new Set(filesOf(0));
    for (const block of blocks) block.release();
    await cluster.killWorker(0);
    await eventually("its successor has removed them", () => {
      return filesOf(0).every((file) => !before.has(file));
    });
  });
});
