/**
 * Jobs of very many tasks: acknowledged at once, and each task runs exactly once.
 *
 * @module
 */

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import {
  type Client,
  connect,
  type LocalCluster,
  startLocalCluster,
} from "../../src/client/index.ts";

/** The promise is about the controller; the machine may be doing something else as well. */
const acknowledgedWithinMs = 5_000;

describe("a job of many replicas", () => {
  const directory = mkdtempSync(join(tmpdir(), "capstan-replicas-"));
  let cluster: LocalCluster;
  let client: Client;

  before(async () => {
    cluster = await startLocalCluster({
      workers: 3,
      workerOptions: () => ({ cpu: 2, commandSlots: 48 }),
      dataDir: join(directory, "data"),
    });
    client = await connect(cluster.url, { onWarning: () => undefined });
  });

  after(async () => {
    await client?.close();
    await cluster?.close();
    rmSync(directory, { recursive: true, force: true });
  });

  it("runs each of 128 tasks without CPU exactly once, on all workers", async () => {
    const effects = join(directory, "effects");
    const script = 'echo "$CAPSTAN_TASK_INDEX $CAPSTAN_ATTEMPT_ID" >> "$EFFECTS"';
    const job = await client.launchJob({
      name: "many",
      command: ["/bin/sh", "-c", script],
      env: { EFFECTS: effects },
      replicas: 128,
      resources: { cpu: 0 },
    });
    await job.wait({ throwOnFailure: true, timeoutMs: 60_000 });
    const tasks = await job.tasks();
    const expected = tasks.map(({ index, attempts }) => `${index} ${attempts[0].attemptId}`);
    const written = readFileSync(effects, "utf8").trim().split("\n");
    assert.equal(tasks.length, 128);
    assert.ok(tasks.every(({ attempts }) => attempts.length === 1));
    assert.deepEqual(written.sort(), expected.sort());
    const workers = new Set(tasks.map(({ attempts }) => attempts[0].workerId));
    assert.equal(workers.size, 3);
  });

  it("is acknowledged within a second with 10,000 of them, and cancelled whole", async () => {
    const options = { command: ["true"], resources: { cpu: 64 } };
    await (await client.launchJob({ name: "small", ...options })).cancel();
    const startedAt = performance.now();
    const job = await client.launchJob({ name: "huge", replicas: 10_000, ...options });
    const ms = performance.now() - startedAt;
    assert.ok(ms <= acknowledgedWithinMs, `acknowledged after ${ms} ms`);
    assert.deepEqual((await job.status()).taskStateCounts, { PENDING: 10_000 });
    await job.cancel();
    assert.equal((await job.wait({ timeoutMs: 30_000 })).state, "KILLED");
    const { ok } = (await client.call("GetDoctorReport")) as { readonly ok: boolean };
    assert.ok(ok);
    console.log(`10,000 replicas: acknowledged after ${ms.toFixed(0)} ms`);
  });
});
