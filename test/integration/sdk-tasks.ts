/**
 * Tasks that the SDK's integration tests run on real workers.
 *
 * @module
 */

import { setTimeout as pause } from "node:timers/promises";
import { defineTask, getContext } from "../../src/client/index.ts";

export const add = defineTask(import.meta.url, function add(a: number, b: number): number {
  return a + b;
});

export const total = defineTask(import.meta.url, function total(...values: number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
});

export const sumOfList = defineTask(import.meta.url, function sumOfList(values: number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
});

export const addLater = defineTask(
  import.meta.url,
  async function addLater(a: number, b: number): Promise<number> {
    await pause(5);
    return a + b;
  },
);

class TideError extends RangeError {
  override name = "TideError";
}

export const fail = defineTask(import.meta.url, function fail(message: string): number {
  throw new TideError(message, { cause: new TypeError("the moon") });
});

export const throwText = defineTask(import.meta.url, function throwText(): number {
  throw "just text";
});

export const exit = defineTask(import.meta.url, function exit(code: number): number {
  process.exit(code);
});

export const giveFunction = defineTask(import.meta.url, function giveFunction(): unknown {
  return { model: { fn: () => 1 } };
});

export const giveNothing = defineTask(import.meta.url, function giveNothing(): void {});

export const giveBytes = defineTask(import.meta.url, function giveBytes(size: number): Uint8Array {
  return new Uint8Array(size).fill(7);
});

export const countBytes = defineTask(
  import.meta.url,
  function countBytes(bytes: Uint8Array): number {
    return bytes.reduce((sum, byte) => sum + byte, 0);
  },
);

export const untilCancelled = defineTask(
  import.meta.url,
  async function untilCancelled(): Promise<string> {
    const { signal } = getContext();
    await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    return "stopped";
  },
);

export const whoRuns = defineTask(import.meta.url, function whoRuns(): string {
  return getContext().worker;
});

/** Fails until its file says that it was tried often enough. */
export const failFirst = defineTask(
  import.meta.url,
  async function failFirst(path: string, failures: number): Promise<number> {
    const { appendFile, readFile } = await import("node:fs/promises");
    await appendFile(path, "x");
    const tries = (await readFile(path, "utf8")).length;
    if (tries <= failures) throw new Error(`try ${tries}`);
    return tries;
  },
);
