/**
 * Tasks that hang in one way or another, for the tests of looking at them.
 *
 * @module
 */

import { setTimeout as pause } from "node:timers/promises";
import { defineTask } from "../../src/client/index.ts";

function turnsForEver(): number {
  let turns = 0;
  for (;;) turns = (turns + 1) % 1_000_003;
}

export const spin = defineTask(import.meta.url, function spin(): number {
  return turnsForEver();
});

export const wait = defineTask(import.meta.url, async function wait(ms: number): Promise<number> {
  await pause(ms);
  return ms;
});

export const failOnce = defineTask(import.meta.url, function failOnce(path: string): string {
  // The environment of a thread is its own: what another try must see is on the disk.
  const { existsSync, writeFileSync } = process.getBuiltinModule("node:fs");
  if (existsSync(path)) return "again";
  writeFileSync(path, "");
  throw new Error("the first time it fails");
});

export const append = defineTask(import.meta.url, function append(text: string): string {
  return `${text}!`;
});
