/**
 * A job that launches jobs: its children end with it, and are seen as its own.
 *
 *     node examples/job-tree/run.ts
 *
 * @module
 */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { connect, startLocalCluster } from "capstan";

await using cluster = await startLocalCluster({ workers: 1, cpu: 4 });
await using client = await connect(cluster.url);

const parent = await client.launchJob({
  name: "sweep",
  command: [process.execPath, fileURLToPath(new URL("parent.ts", import.meta.url))],
});
await parent.wait({ throwOnFailure: true });

// The logs of a job are those of its whole tree.
const lines: string[] = [];
for await (const { taskId, text } of parent.logs()) lines.push(`${taskId}: ${text}`);
for (const line of lines.sort()) console.log(line);

assert.ok(lines.includes(`${parent.id}/0: best of 3: 16`), lines.join("\n"));
for (const rate of [1, 2, 4]) {
  const { state, parentJobId } = await client.job(`${parent.id}/rate-${rate}`).status();
  assert.deepEqual({ state, parentJobId }, { state: "SUCCEEDED", parentJobId: parent.id });
}
