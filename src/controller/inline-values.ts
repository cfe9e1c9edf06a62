/**
 * Small values that the controller keeps besides their holders, up to a bound. Volatile.
 *
 * @module
 */

import { getRare } from "../base/rare.ts";
import type { ControllerState } from "./state.ts";

/** A value that is in memory here as well as with its holder. */
export interface InlineValues {
  readonly bytes: Map<number, Uint8Array>;
  totalBytes: number;
}

/** Keeps a small value here as well; the oldest leave past the bound. Volatile. */
export function keepInlineValue(
  state: ControllerState,
  task: number,
  bytes: Uint8Array,
  totalBytesMax: number,
): void {
  const { inline } = state;
  dropInlineValue(state, task);
  inline.bytes.set(task, bytes);
  inline.totalBytes += bytes.length;
  for (const oldest of inline.bytes.keys()) {
    if (inline.totalBytes <= totalBytesMax) return;
    dropInlineValue(state, oldest);
  }
}

export function dropInlineValue(state: ControllerState, task: number): void {
  const bytes = getRare(state.inline.bytes, task);
  if (bytes === undefined) return;
  state.inline.bytes.delete(task);
  state.inline.totalBytes -= bytes.length;
}
