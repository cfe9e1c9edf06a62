/**
 * The case `transfer`: a large value goes from the worker that made it to the one that needs it.
 *
 * @module
 */

import { type Client, wait } from "capstan";
import type { BenchCase, Prepared } from "./cases.ts";
import { onCluster } from "./end-to-end.ts";
import { median } from "./measure.ts";
import { prepareSocketOnly } from "./socket-only.ts";
import { lastOf, makeNumbers } from "./tasks.ts";

const bytes = 100_000_000;

const onSide = (side: string) => ({
  constraints: [{ key: "side", op: "=" as const, values: [side] }],
});

/** GB/s from the submit of a task that needs the value, until its result. */
async function transfer(client: Client): Promise<number> {
  const made = client.submit(makeNumbers, [bytes], onSide("left"));
  await wait([made]);
  const startedAt = performance.now();
  const last = client.submit(lastOf, [made], onSide("right"));
  const value = await last.result();
  const seconds = (performance.now() - startedAt) / 1_000;
  if (value !== 1) throw new Error(`the last number is ${value}`);
  for (const future of [made, last]) future.release();
  return bytes / 1e9 / seconds;
}

/** In turns with the same bytes over a bare socket: what there is to be reached. */
async function prepare(): Promise<Prepared> {
  const bare: { socket: number; withCopy: number }[] = [];
  const socketOnly = await prepareSocketOnly(bytes);
  const cluster = await onCluster(transfer, undefined, {
    workerOptions: (index: number) => ({ attributes: { side: index === 0 ? "left" : "right" } }),
  });
  return {
    ...cluster,
    run: async () => {
      bare.push(await socketOnly.measure());
      return cluster.run();
    },
    details: () => ({
      socketOnly: median(bare.map(({ socket }) => socket)),
      socketAndCopy: median(bare.map(({ withCopy }) => withCopy)),
    }),
    close: async () => {
      socketOnly.close();
      await cluster.close();
    },
  };
}

export const transferCase: BenchCase = {
  name: "transfer",
  unit: "GB/s",
  what: `a Float64Array of ${bytes} bytes from worker to worker, beside a bare socket`,
  prepare,
};
