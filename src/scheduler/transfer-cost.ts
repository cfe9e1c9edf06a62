/**
 * What it costs to move a value, and what it costs to wait for who has it: the estimates that
 * placement compares. None of them is a promise.
 *
 * @module
 */

import { transferRateMax, transferRateMin } from "./limits.ts";

/** Microseconds that so many bytes take between two workers. */
export function transferUs(bytes: number, bytesPerSecond: number): number {
  return (bytes / bytesPerSecond) * 1e6;
}

/**
 * Microseconds for which something will yet run that ran for `ranUs` and usually takes `meanUs`.
 * What is late is expected to be as late once more, so that nobody hopes for it for ever.
 */
export function remainingUs(meanUs: number, ranUs: number): number {
  return Math.max(Math.abs(meanUs - ranUs), meanUs / 8);
}

/** The running mean of the bytes per second of transfers: one eighth of each new one. */
export function smoothedRate(
  bytesPerSecond: number,
  { sizeBytes, durationUs }: { readonly sizeBytes: number; readonly durationUs: number },
): number {
  const measured = (sizeBytes / Math.max(1, durationUs)) * 1e6;
  const rate = Math.min(transferRateMax, Math.max(transferRateMin, measured));
  return bytesPerSecond + (rate - bytesPerSecond) / 8;
}
