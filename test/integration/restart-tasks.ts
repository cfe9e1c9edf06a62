/**
 * Tasks of the tests of restarts and of function processes: bundled by the client, run on workers.
 *
 * @module
 */

import { threadId } from "node:worker_threads";
import { defineActor, defineTask, getContext } from "../../src/client/index.ts";

/** State of the module: what a restart must not leave behind. */
let calls = 0;

export interface Place {
  readonly pid: number;
  readonly thread: number;
  /** How often this task ran where it runs. */
  readonly calls: number;
}

export const whereAmI = defineTask(import.meta.url, function whereAmI(_n: number): Place {
  calls++;
  return { pid: process.pid, thread: threadId, calls };
});

export const pass = defineTask(import.meta.url, function pass(value: number): number {
  return value;
});

export const refuse = defineTask(import.meta.url, function refuse(): never {
  throw new RangeError("the tide is out");
});

/** Until it is told to stop. */
export const hold = defineTask(import.meta.url, async function hold(_n: number): Promise<number> {
  const { signal } = getContext();
  await new Promise((resolve) => signal.addEventListener("abort", resolve));
  return 0;
});

const kept: Buffer[] = [];

/** What it makes stays in its module: a leak that nobody can see but by its size. */
export const grow = defineTask(import.meta.url, function grow(bytes: number): number {
  kept.push(Buffer.alloc(bytes, 1));
  return process.pid;
});

export const Counter = defineActor(
  import.meta.url,
  class Counter {
    #count = 0;

    next(): number {
      return ++this.#count;
    }
  },
);
