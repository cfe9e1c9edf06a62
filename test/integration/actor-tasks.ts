/**
 * Actors and tasks of the tests: bundled by the client and run on workers.
 *
 * @module
 */

import { defineActor, defineTask, getContext } from "../../src/client/index.ts";

export const Counter = defineActor(
  import.meta.url,
  class Counter {
    #count: number;
    readonly #seen: string[] = [];

    constructor(start: number) {
      if (start < 0) throw new RangeError("a counter begins at zero");
      this.#count = start;
    }

    add(n: number): number {
      this.#count += n;
      return this.#count;
    }

    /** Gives its turn to nobody while it waits. */
    async slowly(word: string, ms: number): Promise<string[]> {
      this.#seen.push(`${word} begins`);
      await new Promise((resolve) => setTimeout(resolve, ms));
      this.#seen.push(`${word} ends`);
      return [...this.#seen];
    }

    fail(message: string): never {
      throw new TypeError(message);
    }

    where(): { readonly worker: string; readonly taskId: string } {
      const { worker, taskId } = getContext();
      return { worker, taskId };
    }

    exit(code: number): void {
      process.exit(code);
    }

    async until(path: string): Promise<string> {
      const { existsSync } = await import("node:fs");
      while (!existsSync(path)) await new Promise((resolve) => setTimeout(resolve, 5));
      return path;
    }

    spin(ms: number): void {
      const until = Date.now() + ms;
      while (Date.now() < until);
    }
  },
);

export const double = defineTask(import.meta.url, function double(n: number): number {
  return 2 * n;
});

export const whenThere = defineTask(import.meta.url, async function whenThere(path: string) {
  const { existsSync } = await import("node:fs");
  while (!existsSync(path)) await new Promise((resolve) => setTimeout(resolve, 5));
  return 7;
});
