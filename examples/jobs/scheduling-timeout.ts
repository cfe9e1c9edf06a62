/**
 * A job that no worker can run waits, because a worker that can may join; but not for ever if it
 * says for how long.
 *
 *     node examples/jobs/scheduling-timeout.ts
 *
 * @module
 */

import assert from "node:assert/strict";
import { connect, startLocalCluster } from "capstan";

await using cluster = await startLocalCluster({ workers: 1, cpu: 4 });
await using client = await connect(cluster.url, { onWarning: () => undefined });

const job = await client.launchJob({
  name: "far-away",
  command: ["true"],
  constraints: [{ key: "region", op: "=", values: ["atlantis"] }],
  schedulingTimeout: "2s",
});
console.log(`accepted, with a warning: ${job.warnings[0].message}`);
console.log(`why: ${(await job.explain()).summary}`);

const startedAt = performance.now();
const { state, error } = await job.wait();
const waited = ((performance.now() - startedAt) / 1_000).toFixed(1);
assert.equal(state, "UNSCHEDULABLE");
console.log(`${state} after ${waited} s: ${error?.message}`);
