/**
 * `capstan/controller` and `capstan/worker` inside a process of one's own: to import them starts
 * nothing, and what they export makes a cluster.
 *
 * @module
 */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { connect } from "../../src/client/index.ts";
import { noResources } from "../../src/model/resources.ts";
import { runController } from "../../src/shell/controller-entry.ts";
import { createLogger, runWorker } from "../../src/shell/worker-entry.ts";
import { add } from "./sdk-tasks.ts";

test("a controller and a worker run inside the process that imports them", async () => {
  const workDir = mkdtempSync(join(tmpdir(), "capstan-entries-"));
  const controller = await runController({ listen: "127.0.0.1:0", logLevel: "silent" }, (end) => {
    throw end.error;
  });
  const capacity = { ...noResources, cpuMilli: 1_000 };
  const options = { controllerUrl: controller.url, workerId: "own", slots: 1, capacity, workDir };
  const worker = await runWorker(options, createLogger({ name: "worker", level: "silent" }));
  const client = await connect(controller.url);
  try {
    assert.equal(await client.submit(add, [19, 23]).result(), 42);
    const [{ workerId, pid }] = await client.workers();
    assert.deepEqual([workerId, pid], ["own", process.pid]);
  } finally {
    await client.close();
    await worker.close();
    await controller.close();
    rmSync(workDir, { recursive: true });
  }
});
