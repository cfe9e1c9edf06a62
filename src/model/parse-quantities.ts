/**
 * Amounts as people write them: memory, durations, CPUs and counts. What comes out is a safe,
 * non-negative integer in the unit that the function's name says.
 *
 * @module
 */

import { durationMsMax } from "./limits.ts";
import { invalidArgument } from "./parse-fields.ts";

const memoryExpected =
  'an amount of memory: a number and a unit such as "8g", "512m" or "1.5GiB", ' +
  "or a whole number of bytes";

const memoryPattern = /^(\d+(?:\.\d+)?)([kmgt])(?:i?b)?$/;

const memoryUnitBytes: { readonly [unit: string]: number } = {
  k: 1024,
  m: 1024 ** 2,
  g: 1024 ** 3,
  t: 1024 ** 4,
};

/**
 * Bytes from `"8g"`, `"16gb"`, `"512m"`, `"1.5GiB"` (case does not matter, every unit is a power of
 * 1024) or from a number of bytes. A fraction of a byte is rounded to the nearest; what is less
 * than one byte and not zero is refused, because 0 means "not enforced".
 *
 * @throws CapstanError INVALID_ARGUMENT
 */
export function parseMemoryBytes(field: string, value: unknown): number {
  if (typeof value === "number") return parseWhole(field, value, memoryExpected);
  const match = typeof value === "string" ? memoryPattern.exec(value.toLowerCase()) : null;
  if (match === null) throw invalidArgument(field, value, memoryExpected);
  const exact = Number(match[1]) * memoryUnitBytes[match[2]];
  const bytes = Math.round(exact);
  const vanished = bytes === 0 && exact > 0;
  if (vanished || !Number.isSafeInteger(bytes)) throw invalidArgument(field, value, memoryExpected);
  return bytes;
}

const durationExpected =
  'a duration of at most 100 years: a number and a unit such as "250ms", "90s", "5m", "12h" or ' +
  '"1d", or a whole number of milliseconds';

const durationPattern = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/;

const durationUnitMs: { readonly [unit: string]: number } = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/**
 * Milliseconds from `"250ms"`, `"90s"`, `"5m"`, `"12h"`, `"1d"` or from a number of milliseconds.
 * It must come out whole: `"1.5s"` does, `"0.5ms"` does not. At most 100 years.
 *
 * @throws CapstanError INVALID_ARGUMENT
 */
export function parseDurationMs(field: string, value: unknown): number {
  const ms = typeof value === "number" ? value : durationOfText(field, value);
  if (!(ms <= durationMsMax)) throw invalidArgument(field, value, durationExpected);
  return parseWhole(field, ms, durationExpected, value);
}

function durationOfText(field: string, value: unknown): number {
  const match = typeof value === "string" ? durationPattern.exec(value) : null;
  if (match === null) throw invalidArgument(field, value, durationExpected);
  return snapped(Number(match[1]) * durationUnitMs[match[2]]);
}

/**
 * Thousandths of a CPU from a number of CPUs: 0.5 is 500. Finer than a thousandth is refused.
 *
 * @throws CapstanError INVALID_ARGUMENT
 */
export function parseCpuMilli(field: string, value: unknown): number {
  return parseMilli(field, value, "a number of CPUs, 0 or more, in steps of 0.001");
}

/**
 * Thousandths of anything that is counted: 1.25 is 1250. Finer than a thousandth is refused.
 *
 * @throws CapstanError INVALID_ARGUMENT
 */
export function parseCountMilli(field: string, value: unknown): number {
  return parseMilli(field, value, "a count, 0 or more, in steps of 0.001");
}

function parseMilli(field: string, value: unknown, expected: string): number {
  if (typeof value !== "number") throw invalidArgument(field, value, expected);
  return parseWhole(field, snapped(value * 1000), expected, value);
}

/** `amount` if it is a safe integer of at least 0; `shown` is what the message shows of it. */
function parseWhole(
  field: string,
  amount: number,
  expected: string,
  shown: unknown = amount,
): number {
  if (!Number.isSafeInteger(amount) || amount < 0) throw invalidArgument(field, shown, expected);
  return amount === 0 ? 0 : amount; // -0 is 0: the key of a request must not tell them apart.
}

/** The whole number that binary fractions missed by rounding (0.29 x 1000), else the amount. */
function snapped(amount: number): number {
  const whole = Math.round(amount);
  return Math.abs(amount - whole) <= Math.abs(whole) * 1e-12 ? whole : amount;
}
