/**
 * What a command holds of the devices of its machine, as its context tells it.
 *
 * @module
 */

import type { AttemptContext } from "../protocol/messages.ts";

/** Thousandths of each device, by `kind:variant:index`. */
export function devicesIn(context: string): ReadonlyMap<string, number> {
  const held = new Map<string, number>();
  if (!context.includes('"indices"')) return held;
  const { devices } = JSON.parse(context) as AttemptContext;
  for (const { kind, variant, countMilli, indices } of devices) {
    for (const [position, index] of indices.entries()) {
      held.set(`${kind}:${variant}:${index}`, Math.min(1000, countMilli - position * 1000));
    }
  }
  return held;
}
