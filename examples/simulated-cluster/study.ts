/**
 * The program that is to be tested: a study over several drifts. It knows nothing of tests; it is
 * given a client, of a real cluster or of a simulated one.
 *
 * @module
 */

import { type Client, gather } from "capstan";
import { average, simulate } from "./tasks.ts";

/** What one drift led to. */
export interface Finding {
  readonly drift: number;
  readonly mean: number;
}

/** Simulates each drift `replicates` times. The best, that nearest to zero, comes first. */
export async function runStudy(
  client: Client,
  drifts: readonly number[],
  replicates: number,
): Promise<Finding[]> {
  const retrying = { retries: 5, retryBackoff: { initial: "10m", max: "1h" } };
  const means = drifts.map((drift) => {
    const seeds = Array.from({ length: replicates }, (_, seed) => [drift, seed] as const);
    return client.submit(average, [client.map(simulate, seeds, retrying)]);
  });
  const found = (await gather(means)).map((mean, i) => ({ drift: drifts[i], mean }));
  return found.sort((a, b) => Math.abs(a.mean) - Math.abs(b.mean));
}
