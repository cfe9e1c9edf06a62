/**
 * Tasks that the tests of functions in processes run on real workers.
 *
 * @module
 */

import { appendFileSync, writeSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { defineTask, getContext } from "../../src/client/index.ts";

interface Whereabouts {
  readonly pid: number;
  readonly worker: string;
  readonly taskId: string;
  readonly attempt: string;
}

export const whereAmI = defineTask(import.meta.url, function whereAmI(): Whereabouts {
  const { worker, taskId, attempt, logger } = getContext();
  logger.info("here", { pid: process.pid });
  return { pid: process.pid, worker, taskId, attempt };
});

export const sum = defineTask(import.meta.url, function sum(...values: number[]): number {
  return values.reduce((total, value) => total + value, 0);
});

export const fillBytes = defineTask(import.meta.url, function fillBytes(n: number): Uint8Array {
  return new Uint8Array(n).fill(7);
});

export const sumBytes = defineTask(import.meta.url, function sumBytes(bytes: Uint8Array): number {
  return bytes.reduce((total, byte) => total + byte, 0);
});

export const crash = defineTask(import.meta.url, function crash(how: string): number {
  process.stderr.write(`about to ${how}\n`);
  if (how === "exit") process.exit(9);
  process.kill(process.pid, how as NodeJS.Signals);
  for (;;);
});

export const flood = defineTask(import.meta.url, function flood(bytes: number): string {
  const line = `${"x".repeat(1023)}\n`;
  for (let written = 0; written < bytes; written += line.length) writeSync(2, line);
  return "done";
});

export const goSilent = defineTask(import.meta.url, function goSilent(): number {
  console.error("the last thing that it did");
  for (;;);
});

/** Notes its pid, and goes on until it is told to stop. */
export const hold = defineTask(import.meta.url, async function hold(file: string): Promise<string> {
  appendFileSync(file, `${process.pid}\n`);
  const { signal } = getContext();
  while (!signal.aborted) await pause(10);
  return "stopped";
});

/** Takes more and more memory. */
export const hog = defineTask(import.meta.url, async function hog(): Promise<number> {
  const all: Buffer[] = [];
  for (;;) {
    all.push(Buffer.alloc(8 << 20, 1));
    await pause(2);
  }
});

/** Sums by tasks of its own, each in a process too. */
export const sumByChildren = defineTask(
  import.meta.url,
  async function sumByChildren(count: number): Promise<number> {
    const { client } = getContext();
    const options = { executor: "process" } as const;
    const futures = Array.from({ length: count }, (_, i) => client.submit(sum, [i, 1], options));
    const values = await Promise.all(futures.map((future) => future.result()));
    return values.reduce((total, value) => total + value, 0);
  },
);

/** Kills its process the first time that it runs. */
export const dieOnce = defineTask(import.meta.url, function dieOnce(file: string): string {
  appendFileSync(file, `${process.pid}\n`);
  const { attempt } = getContext();
  if (attempt.endsWith(".1")) process.kill(process.pid, "SIGKILL");
  return attempt;
});
