/**
 * The SDK's promises when processes of the cluster die under it.
 *
 * @module
 */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import {
  asCompleted,
  type Client,
  connect,
  gather,
  type LocalCluster,
  startLocalCluster,
} from "../../src/client/index.ts";
import { add, addLater, giveBytes } from "./sdk-tasks.ts";

let directory: string;
let cluster: LocalCluster | undefined;
let client: Client | undefined;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "capstan-sdk-faults-"));
});

afterEach(async () => {
  await client?.close();
  await cluster?.close();
  rmSync(directory, { recursive: true });
});

async function aCluster(options: { durable: boolean }): Promise<[LocalCluster, Client]> {
  const dataDir = options.durable ? { dataDir: directory } : {};
  cluster = await startLocalCluster({ workers: 2, threads: 1, ...dataDir });
  client = await connect(cluster.url, { token: cluster.token });
  return [cluster, client];
}

function someArguments(count: number): [number, number][] {
  return Array.from({ length: count }, (_, i) => [i, 1]);
}

test("futures live on when the controller is killed and starts again on its journal", async () => {
  const [{ processes }, session] = await aCluster({ durable: true });
  const futures = session.map(addLater, someArguments(400));
  const sums = futures.map((future) => session.submit(add, [future, 1]));
  let ended = 0;
  for await (const _ of asCompleted(futures)) if (++ended === 50) break;
  await processes.killController();
  const late = session.submit(add, [futures[399], 100]);
  await processes.startController();
  const expected = someArguments(400).map(([i]) => i + 2);
  assert.deepEqual(await gather(sums), expected);
  assert.equal(await late.result(), 500);
});

test("the work of a worker that is killed is done again", async () => {
  const [{ processes }, session] = await aCluster({ durable: false });
  const futures = session.map(addLater, someArguments(400));
  let ended = 0;
  for await (const _ of asCompleted(futures)) if (++ended === 50) break;
  await processes.killWorker(0);
  assert.deepEqual(
    await gather(futures),
    someArguments(400).map(([i]) => i + 1),
  );
});

test("a large value that died with its worker is computed again when it is asked for", async () => {
  const [{ processes, workers }, session] = await aCluster({ durable: false });
  const { workerId } = workers[0];
  const options = { workers: [workerId], allowOtherWorkers: true };
  const futures = session.map(giveBytes, [[1_000_000], [2_000_000], [3_000_000]], options);
  await Promise.all(futures.map((future) => future.exception()));
  await processes.killWorker(0);
  await processes.killWorker(1);
  const values = await gather(futures);
  assert.deepEqual(
    values.map(({ length }) => length),
    [1_000_000, 2_000_000, 3_000_000],
  );
});

test("futures of a cluster that is gone say so, and the client serves the next", async () => {
  const [{ processes }, session] = await aCluster({ durable: false });
  const future = session.submit(giveBytes, [1_000_000]);
  await future.exception();
  await processes.killController();
  await processes.startController();
  // Whichever cluster it reaches, its outcome shows that the client has met the new one.
  await session.submit(add, [1, 1]).exception();
  assert.equal(future.status, "lost");
  await assert.rejects(future.result(), { code: "NOT_FOUND", message: /Submit it again/ });
  assert.equal(await session.submit(add, [2, 2]).result(), 4);
});
