/**
 * The launcher's own few words, for people. They go to its stderr, which is a file beside its
 * state: on a full disk they are lost, and nothing else is.
 *
 * @module
 */

import { writeSync } from "node:fs";

const stderr = 2;

/** Writes one line. Not by `process.stderr`, which ends the process when it cannot write. */
export function logLine(text: string): void {
  try {
    writeSync(stderr, `${text}\n`);
  } catch {
    // Whoever could be told would be told here.
  }
}
