/**
 * A sum over far more than fits in memory: two workers, each with room for 1 GiB of values, make
 * 10 GB of blocks, and add them up two by two. What does not fit goes to their disks and comes back
 * when it is read.
 *
 *     node examples/large-reduction/run.ts [--gigabytes 10] [--block-mib 32] [--target-mib 1024]
 *
 * @module
 */

import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { type Client, connect, type Future, startLocalCluster, wait } from "capstan";
import { addBlocks, makeBlock, spanOf } from "./blocks.ts";

const mebibyte = 2 ** 20;

const { values: flags } = parseArgs({
  options: {
    gigabytes: { type: "string", default: "10" },
    "block-mib": { type: "string", default: "32" },
    "target-mib": { type: "string", default: "1024" },
  },
});
const blockBytes = Number(flags["block-mib"]) * mebibyte;
const targetBytes = Number(flags["target-mib"]) * mebibyte;
const blockCount = Math.ceil((Number(flags.gigabytes) * 1e9) / blockBytes);

await using cluster = await startLocalCluster({
  workers: 2,
  threads: 1,
  workerOptions: () => ({ memory: 2 * targetBytes, memoryTarget: targetBytes }),
});
await using client = await connect(cluster.url, { token: cluster.token });
console.log(
  `${blockCount} blocks of ${formatBytes(blockBytes)}, ${formatBytes(targetBytes)} a worker`,
);

const startedAt = performance.now();
const blocks = Array.from({ length: blockCount }, (_, index) =>
  client.submit(makeBlock, [index + 1, blockBytes]),
);
await wait(blocks);
console.log(`made after ${secondsSince(startedAt)} s`);
await showWorkers(client);

const sum = addAll(client, blocks);
const span = client.submit(spanOf, [sum]);
sum.release();
const [least, greatest] = await span.result();
console.log(`added after ${secondsSince(startedAt)} s`);
await showWorkers(client);

const expected = (blockCount * (blockCount + 1)) / 2;
if (least !== expected || greatest !== expected) {
  throw new Error(`every number should be ${expected}; they are from ${least} to ${greatest}`);
}
console.log(`every number is ${expected}, as it should be`);

/** Two by two. Each block is let go of: it is dropped as soon as it has been added. */
function addAll(client: Client, blocks: readonly Future<Float64Array>[]): Future<Float64Array> {
  let level = blocks;
  while (level.length > 1) {
    const sums: Future<Float64Array>[] = [];
    for (let i = 0; i < level.length; i += 2) {
      const [left, right] = [level[i], level[i + 1]];
      if (right === undefined) sums.push(left);
      else {
        sums.push(client.submit(addBlocks, [left, right]));
        left.release();
        right.release();
      }
    }
    level = sums;
  }
  return level[0];
}

async function showWorkers(client: Client): Promise<void> {
  for (const worker of await client.workers()) {
    const { workerId, heldValueBytes, spilledBytes, spillCount, loadCount, pid } = worker;
    console.log(
      `  ${workerId} holds ${formatBytes(heldValueBytes)}, ${formatBytes(spilledBytes)} of it on ` +
        `disk; ${spillCount} blocks to the disk, ${loadCount} back; peak memory of the process ` +
        formatBytes(peakOf(pid)),
    );
  }
}

/** The most memory that a process has had so far; 0 where the system does not say. */
function peakOf(pid: number): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    return Number(/^VmHWM:\s*(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

function formatBytes(bytes: number): string {
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(0)} MB` : `${(bytes / 1e9).toFixed(2)} GB`;
}

function secondsSince(startedAt: number): string {
  return ((performance.now() - startedAt) / 1_000).toFixed(1);
}
