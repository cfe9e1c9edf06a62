/**
 * A plugin, and tasks that need what it sets up.
 *
 * @module
 */

import { appendFileSync } from "node:fs";
import { defineTask } from "../../src/client/index.ts";

const place = globalThis as { pluginWasSetUp?: number };

/** Counts how often it was called in this executor. */
export const setUp = defineTask(import.meta.url, function setUp(_: { worker: string }): void {
  place.pluginWasSetUp = (place.pluginWasSetUp ?? 0) + 1;
});

/** Says where it was torn down. */
export const tearDown = defineTask(import.meta.url, function tearDown(_: { worker: string }): void {
  const path = process.env.CAPSTAN_TEST_TEARDOWN ?? "";
  if (path !== "") appendFileSync(path, "down\n");
});

/** Cannot set up on one worker. */
export const setUpElsewhere = defineTask(
  import.meta.url,
  async function setUpElsewhere({ worker }: { worker: string }): Promise<void> {
    await Promise.resolve();
    if (worker === "local-1") throw new RangeError("no licence here");
  },
);

export const setUpNowhere = defineTask(import.meta.url, function setUpNowhere(): void {
  throw new RangeError("no licence at all");
});

export const timesSetUp = defineTask(import.meta.url, function timesSetUp(): number {
  return place.pluginWasSetUp ?? 0;
});
