/**
 * The case `process`: functions in processes, beside the same in threads, in turns.
 *
 * @module
 */

import { type Client, gather } from "capstan";
import type { BenchCase, Prepared } from "./cases.ts";
import { onCluster } from "./end-to-end.ts";
import { quantile } from "./measure.ts";
import { lastOf, makeNumbers, noop } from "./tasks.ts";

const taskCount = 2_000;
const latencyCount = 200;
const coldCount = 5;
const largeBytes = 100e6;

type Executor = "thread" | "process";

/** Tasks a second of many that do nothing. */
async function rateOf(client: Client, executor: Executor): Promise<number> {
  const startedAt = performance.now();
  const futures = client.map(noop, Array<[]>(taskCount).fill([]), { executor });
  await gather(futures);
  const seconds = (performance.now() - startedAt) / 1_000;
  for (const future of futures) future.release();
  return taskCount / seconds;
}

/** The median of one task after the other, from submit to result, in milliseconds. */
async function warmMs(client: Client, executor: Executor): Promise<number> {
  const latencies: number[] = [];
  for (let i = 0; i < latencyCount; i++) latencies.push(await msOf(client, { executor }));
  return quantile(latencies, 0.5);
}

/** The same where each needs a process that there is not yet. */
async function coldMs(client: Client, round: number): Promise<number> {
  const latencies: number[] = [];
  for (let i = 0; i < coldCount; i++) {
    // Another share of the CPU: no process that is there serves it.
    const cpu = (100 + ((round * coldCount + i) % 900)) / 1_000;
    latencies.push(await msOf(client, { executor: "process", resources: { cpu } }));
  }
  return quantile(latencies, 0.5);
}

async function msOf(
  client: Client,
  options: { readonly executor: Executor; readonly resources?: { readonly cpu: number } },
): Promise<number> {
  const startedAt = performance.now();
  const future = client.submit(noop, [], options);
  await future.result();
  future.release();
  return performance.now() - startedAt;
}

/** How long a large value takes out of one function and into the next, in milliseconds. */
async function largeMs(client: Client, executor: Executor): Promise<number> {
  const [{ workerId }] = await client.workers();
  const options = { executor, workers: workerId };
  const startedAt = performance.now();
  const value = client.submit(makeNumbers, [largeBytes], options);
  const last = client.submit(lastOf, [value], options);
  await last.result();
  for (const future of [value, last]) future.release();
  return performance.now() - startedAt;
}

async function prepare(): Promise<Prepared> {
  let last: { readonly [name: string]: number } = {};
  let round = 0;
  const run = async (client: Client): Promise<number> => {
    if (round === 0) await rateOf(client, "process");
    const thread = await rateOf(client, "thread");
    const rate = await rateOf(client, "process");
    last = {
      threadRate: thread,
      ratio: rate / thread,
      warmMs: await warmMs(client, "process"),
      threadWarmMs: await warmMs(client, "thread"),
      coldMs: await coldMs(client, round++),
      largeMs: await largeMs(client, "process"),
      threadLargeMs: await largeMs(client, "thread"),
    };
    return rate;
  };
  return onCluster(run, () => last);
}

export const processCase: BenchCase = {
  name: "process",
  unit: "tasks/s",
  what: `${taskCount} no-op functions in warm processes of 2 workers, beside threads`,
  prepare,
};
