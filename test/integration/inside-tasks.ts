/**
 * What tasks can do from inside, for `inside.test.ts`.
 *
 * @module
 */

import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { CapstanError, defineTask, getContext, reschedule } from "../../src/client/index.ts";

/** Says a lot, at last that it is half done, and ends when the file is there. */
export const halfDone = defineTask(import.meta.url, async function halfDone(file: string) {
  const context = getContext();
  for (let i = 0; i < 1_000; i++) context.progress(i / 2_000, `step ${i}`);
  console.log("half of it is done");
  context.progress(0.5, "half done");
  while (!existsSync(file)) await sleep(10);
});

/** What becomes of words about progress that do not fit, and of what are none. */
export const wrongProgress = defineTask(import.meta.url, function wrongProgress(): string[] {
  const long = "x".repeat(257);
  const words: readonly unknown[][] = [["1"], [1, 2], [-0.1], [1.01], [Number.NaN], [1, long]];
  return words.map(([fraction, note]) => {
    try {
      getContext().progress(fraction as number, note as string | undefined);
      return "taken";
    } catch (error) {
      return error instanceof CapstanError ? error.code : String(error);
    }
  });
});

/** Asks to run later where the file says nothing of where it was before; then it says both. */
export const findsAnother = defineTask(import.meta.url, async function findsAnother(file: string) {
  const { worker } = getContext();
  const before = existsSync(file) ? readFileSync(file, "utf8") : "";
  if (before !== "") return [before, worker];
  writeFileSync(file, worker);
  await sleep(1);
  reschedule("no licence here");
});

export const restless = defineTask(import.meta.url, function restless(): never {
  reschedule("never now");
});

/** Leaves a line for each time that it was started, and never returns by itself. */
export const startedOnce = defineTask(import.meta.url, async function startedOnce(file: string) {
  appendFileSync(file, `${getContext().worker}\n`);
  const { signal } = getContext();
  await new Promise((_, reject) => signal.addEventListener("abort", reject));
});
