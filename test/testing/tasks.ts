/**
 * Ordinary tasks, as a program has them.
 *
 * @module
 */

import { defineActor, defineTask, getContext } from "../../src/client/index.ts";

export const double = defineTask(import.meta.url, function double(x: number): number {
  return 2 * x;
});

export const sum = defineTask(import.meta.url, function sum(xs: readonly number[]): number {
  return xs.reduce((a, b) => a + b, 0);
});

export const refuse = defineTask(import.meta.url, function refuse(what: string): number {
  throw new RangeError(`no ${what}`, { cause: new Error("out of range") });
});

export const later = defineTask(import.meta.url, async function later(x: number) {
  await new Promise((resolve) => setTimeout(resolve, 5));
  return x + 1;
});

export const makeFunction = defineTask(import.meta.url, function makeFunction(): unknown {
  return { inner: [() => 1] };
});

export const append = defineTask(import.meta.url, function append(list: number[]): number {
  return list.push(0);
});

export const bytes = defineTask(import.meta.url, function bytes(count: number): Uint8Array {
  return new Uint8Array(count).fill(7);
});

export const lengthOf = defineTask(import.meta.url, function lengthOf(data: Uint8Array): number {
  return data.length;
});

export const whereAmI = defineTask(import.meta.url, function whereAmI() {
  const { worker, attempt } = getContext();
  return { worker, attempt };
});

/** Why each `untilStopped` was stopped. */
export const stops: string[] = [];

export const untilStopped = defineTask(import.meta.url, function untilStopped() {
  const { signal } = getContext();
  return new Promise<void>((_, reject) => {
    signal.addEventListener("abort", () => {
      stops.push(String(signal.reason.code));
      reject(signal.reason);
    });
  });
});

export const never = defineTask(import.meta.url, function never(): Promise<void> {
  return new Promise(() => undefined);
});

/** What each `noteRank` of a gang was told. */
export const ranksSeen: string[] = [];

export const noteRank = defineTask(import.meta.url, function noteRank(): number {
  const { gang } = getContext();
  if (gang === undefined) return -1;
  const { rank, size, peers } = gang;
  const ports = peers.map(({ host, ports: { ring } }) => `${host} ${ring}`);
  ranksSeen.push(`${rank} of ${size}: ${ports.join(", ")}`);
  return rank;
});

/** Keeps a sum. */
export const Counter = defineActor(
  import.meta.url,
  class Counter {
    #sum: number;

    constructor(start: number) {
      this.#sum = start;
    }

    add(n: number): number {
      this.#sum += n;
      return this.#sum;
    }

    async addLater(n: number): Promise<number> {
      await new Promise((resolve) => setTimeout(resolve, 5));
      return this.add(n);
    }

    refuse(what: string): never {
      throw new RangeError(`no ${what}`);
    }
  },
);
