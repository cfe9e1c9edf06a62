/**
 * How long executions run in virtual time.
 *
 * @module
 */

import { CapstanError } from "../model/errors.ts";
import type { DurationOption } from "../model/parse-job.ts";
import { parseDurationMs } from "../model/parse-quantities.ts";
import type { Draws } from "../simulator/draws.ts";

/**
 * `"30s"` or milliseconds; or a range `["10s", "1m"]` from which the seed draws for each execution.
 */
export type Takes = DurationOption | readonly [DurationOption, DurationOption];

/** Microseconds, from the least to the most. */
export interface TakesUs {
  readonly least: number;
  readonly most: number;
}

/** Throws INVALID_ARGUMENT naming `field`. */
export function parseTakes(field: string, value: unknown): TakesUs {
  if (!Array.isArray(value)) {
    const exact = parseDurationMs(field, value) * 1000;
    return { least: exact, most: exact };
  }
  if (value.length !== 2) {
    const message = `${field}: expected a duration or a range ["10s", "1m"]`;
    throw new CapstanError("INVALID_ARGUMENT", message);
  }
  const least = parseDurationMs(`${field}[0]`, value[0]) * 1000;
  const most = parseDurationMs(`${field}[1]`, value[1]) * 1000;
  if (least <= most) return { least, most };
  throw new CapstanError("INVALID_ARGUMENT", `${field}: the range ends before it begins`);
}

/** Draws nothing if there is nothing to draw. */
export function drawUs({ least, most }: TakesUs, draws: Draws): number {
  return least === most ? least : least + draws.below(most - least + 1);
}
