/**
 * Tasks that submit tasks, for `nested.test.ts`.
 *
 * @module
 */

import { setTimeout as sleep } from "node:timers/promises";
import { asCompleted, defineTask, gather, getContext, type Task } from "../../src/client/index.ts";

export const double = defineTask(import.meta.url, function double(n: number): number {
  return 2 * n;
});

export const slowly = defineTask(import.meta.url, async function slowly(ms: number) {
  await sleep(ms);
  return ms;
});

/** Each call waits for two others, down to the leaves. */
export const fibonacci: Task<[n: number], Promise<number>> = defineTask(
  import.meta.url,
  async (n: number): Promise<number> => {
    if (n < 2) return n;
    const { client } = getContext();
    const [a, b] = await gather(client.map(fibonacci, [[n - 1], [n - 2]]));
    return a + b;
  },
  { name: "fibonacci" },
);

/** Takes its children as they end, and works on each. */
export const sumOfDoubles = defineTask(
  import.meta.url,
  async function sumOfDoubles(count: number): Promise<number> {
    const { client } = getContext();
    const args = Array.from({ length: count }, (_, i) => [i] as const);
    let sum = 0;
    for await (const future of asCompleted(client.map(double, args))) sum += await future.result();
    return sum;
  },
);

/** Waits for a child that takes long, with memory of its own. */
export const waitsLong = defineTask(import.meta.url, async function waitsLong(ms: number) {
  return await getContext().client.submit(slowly, [ms]).result();
});

export const fails = defineTask(import.meta.url, function fails(): never {
  throw new RangeError("the child is broken");
});

export const waitsForFailure = defineTask(import.meta.url, async function waitsForFailure() {
  await getContext().client.submit(fails, []).result();
});

/** Leaves a child behind that nobody else wants. */
export const forgetful = defineTask(import.meta.url, async function forgetful() {
  // Nobody has so many CPUs: it waits.
  const future = getContext().client.submit(slowly, [1], { resources: { cpu: 64 } });
  await getContext().client.submit(double, [1]).result();
  return future.id;
});

/** Waits for a child that waits in its queue: nobody has so many CPUs. */
export const waitsForQueued = defineTask(import.meta.url, async function waitsForQueued() {
  const { client } = getContext();
  return await client.submit(slowly, [1], { resources: { cpu: 64 } }).result();
});

/** Says who it is to its children, and which client each of them has. */
export const jobOfChildren = defineTask(import.meta.url, async function jobOfChildren() {
  const { client } = getContext();
  await client.submit(double, [1]).result();
  return client.jobId;
});
