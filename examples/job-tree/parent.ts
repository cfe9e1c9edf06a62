/**
 * Runs inside a job, and launches three children of it. `connect` finds the cluster and the token
 * of this job by itself: `CAPSTAN_CONTROLLER_URL` and `CAPSTAN_TOKEN`.
 *
 * @module
 */

import { connect } from "capstan";

await using client = await connect();

const rates = [1, 2, 4];
const children = await Promise.all(
  rates.map((rate) =>
    client.launchJob({
      name: `${process.env.CAPSTAN_JOB_ID}/rate-${rate}`,
      command: ["sh", "-c", "echo $((RATE * RATE))"],
      env: { RATE: String(rate) },
    }),
  ),
);

const scores: number[] = [];
for (const child of children) {
  await child.wait({ throwOnFailure: true });
  for await (const { text } of child.logs()) scores.push(Number(text));
}
console.log(`best of ${scores.length}: ${Math.max(...scores)}`);
