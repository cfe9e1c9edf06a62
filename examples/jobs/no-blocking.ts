/**
 * A job that needs more than there is does not stand in the way of one that fits.
 *
 *     node examples/jobs/no-blocking.ts
 *
 * @module
 */

import assert from "node:assert/strict";
import { connect, startLocalCluster } from "capstan";

await using cluster = await startLocalCluster({ workers: 1, cpu: 4 });
await using client = await connect(cluster.url, { onWarning: () => undefined });

const big = await client.launchJob({ name: "big", command: ["true"], resources: { cpu: 8 } });
const small = await client.launchJob({ name: "small", command: ["true"], resources: { cpu: 1 } });

await small.wait({ throwOnFailure: true, timeoutMs: 10_000 });
const { state, pendingReason } = await big.status();
assert.equal(state, "PENDING");
console.log(`${small.id} SUCCEEDED; ${big.id} is ${state}: ${pendingReason}`);

const explanation = await big.explain();
console.log(`what would start it: ${JSON.stringify(explanation.change)}`);
await big.cancel();
