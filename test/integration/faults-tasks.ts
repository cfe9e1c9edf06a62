/**
 * Tasks of the fault tests. Those that are counted write a line when they begin, so that a test
 * can tell how often a task really ran.
 *
 * @module
 */

import { appendFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { defineTask, getContext } from "../../src/client/index.ts";

/** Writes `name` into the file, takes `ms` and gives `size` bytes. */
export const makeCounted = defineTask(
  import.meta.url,
  async function makeCounted(
    file: string,
    name: string,
    ms: number,
    size: number,
  ): Promise<Uint8Array> {
    appendFileSync(file, `${name}\n`);
    await pause(ms);
    return new Uint8Array(size).fill(1);
  },
);

/** Writes `name` into the file and gives the bytes of all parts. */
export const addCounted = defineTask(
  import.meta.url,
  function addCounted(file: string, name: string, ...parts: Uint8Array[]): number {
    appendFileSync(file, `${name}\n`);
    return parts.reduce((sum, part) => sum + part.reduce((all, byte) => all + byte, 0), 0);
  },
);

export const increment = defineTask(import.meta.url, function increment(value: number): number {
  return value + 1;
});

export const lengthOf = defineTask(import.meta.url, function lengthOf(bytes: Uint8Array): number {
  return bytes.length;
});

/** 200 MB of bytes, or none. */
export const giveBytes = defineTask(import.meta.url, function giveBytes(size: number): Uint8Array {
  return new Uint8Array(size).fill(7);
});

/** Runs until it is stopped, and says so in the file when it begins. */
export const hold = defineTask(import.meta.url, async function hold(file: string): Promise<void> {
  appendFileSync(file, "held\n");
  const { signal } = getContext();
  await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
});

const place = globalThis as { leftoverWentOff?: boolean };

/** Leaves a timer behind that throws when the next task runs in its thread. */
export const leaveBehind = defineTask(import.meta.url, function leaveBehind(): void {
  setTimeout(() => {
    place.leftoverWentOff = true;
    throw new RangeError("nobody caught this");
  }, 20);
});

/** Runs while that goes off, and for a while after it. */
export const outlastLeftover = defineTask(
  import.meta.url,
  async function outlastLeftover(): Promise<string> {
    while (place.leftoverWentOff !== true) await pause(5);
    await pause(50);
    return getContext().attempt;
  },
);
