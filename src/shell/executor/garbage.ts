/**
 * Collecting garbage on demand. The engine does it when it allocates: a thread that is idle keeps
 * what it let go of, and shared memory is free when the last thread that knew it has collected.
 *
 * @module
 */

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

let collect: (() => void) | null = null;

/** Collects the garbage of this thread, all of it: some tens of milliseconds. */
export function collectGarbage(): void {
  if (collect === null) {
    setFlagsFromString("--expose-gc");
    collect = runInNewContext("gc") as () => void;
  }
  collect();
}
