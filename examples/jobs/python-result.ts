/**
 * A Python program as a function: what it prints, as JSON, is the value. Needs `python3`.
 *
 *     node examples/jobs/python-result.ts
 *
 * @module
 */

import assert from "node:assert/strict";
import { command, connect, defineTask, gather, startLocalCluster } from "capstan";

interface Roots {
  readonly count: number;
  readonly sum: number;
}

const program = `
import json, math, sys
last = int(sys.stdin.read())
roots = [n for n in range(last) if math.isqrt(n) ** 2 == n]
print(json.dumps({"count": len(roots), "sum": sum(roots)}))
`;

/** Python from TypeScript, and its value into TypeScript again. */
export const addCounts = defineTask(
  import.meta.url,
  function addCounts(all: readonly Roots[]): number {
    return all.reduce((sum, { count }) => sum + count, 0);
  },
);

if (import.meta.main) {
  await using cluster = await startLocalCluster({ workers: 1, cpu: 4 });
  await using client = await connect(cluster.url);

  const squaresBelow = (last: number) =>
    client.submit(
      command<Roots>(["python3", "-c", program], { stdin: String(last), result: "json" }),
    );
  const futures = [10, 100, 1_000].map(squaresBelow);
  const total = client.submit(addCounts, [futures]);

  const [tens] = await gather(futures);
  assert.deepEqual(tens, { count: 4, sum: 14 });
  assert.equal(await total.result(), 4 + 10 + 32);
  console.log(`squares below 10: ${JSON.stringify(tens)}; ${await total.result()} counted in all`);
}
