/**
 * Amounts for people: `8 GiB`, `1m 30s`, `cpu=4, memory=8 GiB`. Programs get the integers.
 *
 * @module
 */

import { canonicalResources } from "./canonical-resources.ts";
import type { Resources } from "./resources.ts";

/** `0 sets`, `1 set`, `2 sets`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

const memoryUnits = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"] as const;

/** `"8 GiB"`, `"1.5 MiB"`, `"512 B"`: the largest unit of which there is at least one. */
export function formatMemory(bytes: number): string {
  let amount = Math.abs(bytes);
  let unit = 0;
  while (amount >= 1024 && unit < memoryUnits.length - 1) {
    amount /= 1024;
    unit++;
  }
  return `${bytes < 0 ? "-" : ""}${shortNumber(amount)} ${memoryUnits[unit]}`;
}

const durationUnits = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
] as const;

/** `"250ms"`, `"1.5s"`, `"1m 30s"`, `"2d 3h"`: at most two units. */
export function formatDuration(ms: number): string {
  if (ms < 0) return `-${formatDuration(-ms)}`;
  for (const [index, [name, size]] of durationUnits.entries()) {
    if (ms >= size) return twoUnits(ms, name, size, durationUnits[index + 1] ?? ["s", 1_000]);
  }
  return ms >= 1_000 ? `${shortNumber(ms / 1_000)}s` : `${shortNumber(ms)}ms`;
}

function twoUnits(
  ms: number,
  name: string,
  size: number,
  [nextName, nextSize]: readonly [string, number],
): string {
  const whole = Math.floor(ms / size);
  const rest = Math.floor((ms - whole * size) / nextSize);
  return rest === 0 ? `${whole}${name}` : `${whole}${name} ${rest}${nextName}`;
}

/** `"cpu=4, memory=8 GiB, gpu:h100=2, license=1"`; `"nothing"` when all amounts are zero. */
export function formatResources(resources: Resources): string {
  const { cpuMilli, memoryBytes, diskBytes, devices, custom } = canonicalResources(resources);
  const parts: string[] = [];
  if (cpuMilli !== 0) parts.push(`cpu=${formatMilli(cpuMilli)}`);
  if (memoryBytes !== 0) parts.push(`memory=${formatMemory(memoryBytes)}`);
  if (diskBytes !== 0) parts.push(`disk=${formatMemory(diskBytes)}`);
  for (const { kind, variant, countMilli, indices } of devices) {
    const which = indices.length === 0 ? "" : ` (${indices.join(", ")})`;
    parts.push(`${kind}:${variant}=${formatMilli(countMilli)}${which}`);
  }
  for (const [name, milli] of Object.entries(custom)) parts.push(`${name}=${formatMilli(milli)}`);
  return parts.length === 0 ? "nothing" : parts.join(", ");
}

/** The same with sizes in bytes, as requests have them: `"cpu=32, memory=137438953472"`. */
export function formatNeed(resources: Resources): string {
  const { cpuMilli, memoryBytes, diskBytes, devices, custom } = canonicalResources(resources);
  const sizes: string[] = [];
  if (cpuMilli !== 0) sizes.push(`cpu=${formatMilli(cpuMilli)}`);
  if (memoryBytes !== 0) sizes.push(`memory=${memoryBytes}`);
  if (diskBytes !== 0) sizes.push(`disk=${diskBytes}`);
  const rest = { cpuMilli: 0, memoryBytes: 0, diskBytes: 0, devices, custom };
  if (devices.length + Object.keys(custom).length > 0) sizes.push(formatResources(rest));
  return sizes.length === 0 ? "nothing" : sizes.join(", ");
}

/** Thousandths as a decimal number: 1500 is `"1.5"`. */
export function formatMilli(milli: number): string {
  return String(milli / 1000);
}

/** `"42 %"` of 0.429: what is not quite done is not 100. */
export function formatFraction(fraction: number): string {
  return `${Math.floor(fraction * 100)} %`;
}

/** At most two decimals, none that say nothing. */
function shortNumber(amount: number): string {
  return String(Math.round(amount * 100) / 100);
}
