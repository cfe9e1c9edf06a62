/**
 * Ctrl-C: the first asks the command to end in an orderly way, the second ends it at once.
 *
 * @module
 */

import { exitCodes } from "./context.ts";

const stopSignals = ["SIGINT", "SIGTERM"] as const;

/** Calls back at the first SIGINT or SIGTERM. Returns what takes the handlers away again. */
export function onStopSignal(stop: () => void): () => void {
  let asked = false;
  const onSignal = () => {
    if (asked) process.exit(exitCodes.interrupted);
    asked = true;
    stop();
  };
  for (const signal of stopSignals) process.on(signal, onSignal);
  return () => {
    for (const signal of stopSignals) process.off(signal, onSignal);
  };
}
