/**
 * Two jobs that find each other by a name: one serves, the other asks.
 *
 *     node examples/endpoints/run.ts
 *
 * @module
 */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { connect, startLocalCluster } from "capstan";

await using cluster = await startLocalCluster({ workers: 1, cpu: 4 });
await using client = await connect(cluster.url);

const program = (name: string): string[] => [
  process.execPath,
  fileURLToPath(new URL(name, import.meta.url)),
];
const server = await client.launchJob({
  name: "scorer",
  command: program("server.ts"),
  ports: ["http"],
});
const name = `${server.id}/api`;
const asker = await client.launchJob({
  name: "asker",
  command: program("asker.ts"),
  env: { SCORER: name },
});

await asker.wait({ throwOnFailure: true, timeoutMs: 30_000 });
const answers: string[] = [];
for await (const { text } of asker.logs()) answers.push(text);
console.log(answers.join("\n"));
assert.deepEqual(answers, ["the score of 6 is 36"]);

// A name lives as long as the attempt that registered it.
await server.cancel();
await server.wait();
const { endpoints } = (await client.call("ListEndpoints", { name })) as {
  readonly endpoints: readonly unknown[];
};
assert.deepEqual(endpoints, []);
console.log(`${server.id} has ended, and its name with it`);
