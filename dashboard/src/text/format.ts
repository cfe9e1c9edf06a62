/**
 * Numbers, sizes, durations and times as people read them.
 *
 * @module
 */

import type { Responses } from "../../../src/shell/api/schemas.ts";

export type Resources = Responses["GetWorkerStatus"]["worker"]["total"];

const whole = new Intl.NumberFormat("en");
const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

export function formatCount(count: number): string {
  return whole.format(count);
}

/** `1.2M`, for what has little room. */
export function formatShort(count: number): string {
  return Math.abs(count) < 10_000 ? whole.format(count) : short.format(count);
}

const byteUnits = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (Math.abs(value) >= 1024 && unit < byteUnits.length - 1) {
    value /= 1024;
    unit++;
  }
  const digits = unit === 0 || value >= 100 ? 0 : 1;
  return `${Number(value.toFixed(digits))} ${byteUnits[unit]}`;
}

/** Thousandths as a number: `1500` is `1.5`. */
export function formatMilli(milli: number): string {
  return Number((milli / 1000).toFixed(3)).toLocaleString("en", { maximumFractionDigits: 3 });
}

export function formatPercent(part: number, total: number): string {
  if (total === 0) return "0 %";
  const percent = (100 * part) / total;
  return `${percent > 0 && percent < 1 ? "<1" : Math.floor(percent)} %`;
}

/** `420 ms`, `3.2 s`, `4 min 12 s`, `2 h 5 min`, `3 d 4 h`. */
export function formatDuration(ms: number): string {
  if (ms < 0) return "0 ms";
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 10_000) return `${(ms / 1_000).toFixed(1)} s`;
  const seconds = Math.floor(ms / 1_000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return joined(minutes, "min", seconds % 60, "s");
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return joined(hours, "h", minutes % 60, "min");
  return joined(Math.floor(hours / 24), "d", hours % 24, "h");
}

function joined(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}

/** Milliseconds since 1970, or NaN for no time. */
export function timeOf(text: string | null | undefined): number {
  return text === null || text === undefined ? Number.NaN : Date.parse(text);
}

const clockForm = new Intl.DateTimeFormat("en-GB", {
  ...{ hour: "2-digit", minute: "2-digit", second: "2-digit" },
});
const dateForm = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });

/** `14:03:21`, with the date when it is not today's. */
export function formatTime(ms: number, nowMs: number): string {
  const clock = clockForm.format(ms);
  const sameDay = new Date(ms).toDateString() === new Date(nowMs).toDateString();
  return sameDay ? clock : `${dateForm.format(ms)} ${clock}`;
}

/** `14:03:21.042`. */
export function formatExactTime(ms: number): string {
  return `${clockForm.format(ms)}.${String(Math.floor(ms) % 1_000).padStart(3, "0")}`;
}

/** `just now`, `40 s ago`, `12 min ago`. */
export function formatAgo(ms: number, nowMs: number): string {
  const age = nowMs - ms;
  if (age < 2_000) return "just now";
  const seconds = Math.floor(age / 1_000);
  if (seconds < 90) return `${seconds} s ago`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 90) return `${minutes} min ago`;
  const hours = Math.floor(minutes / 60);
  return hours < 36 ? `${hours} h ago` : `${Math.floor(hours / 24)} d ago`;
}

/** `3 tasks`, `1 task`. */
export function plural(count: number, noun: string, nouns = `${noun}s`): string {
  return `${formatCount(count)} ${count === 1 ? noun : nouns}`;
}

/** `cpu 3 · 2 GiB · 2 × gpu a100`; "nothing" for nothing. */
export function formatResources(resources: Resources): string {
  const { cpuMilli, memoryBytes, diskBytes, devices, custom } = resources;
  const parts: string[] = [];
  if (cpuMilli > 0) parts.push(`${formatMilli(cpuMilli)} CPU`);
  if (memoryBytes > 0) parts.push(formatBytes(memoryBytes));
  if (diskBytes > 0) parts.push(`${formatBytes(diskBytes)} disk`);
  for (const { kind, variant, countMilli, indices } of devices) {
    const which = indices.length > 0 ? ` #${indices.join(" #")}` : "";
    const name = variant === "auto" || variant === "" ? kind : `${kind} ${variant}`;
    parts.push(`${formatMilli(countMilli)} × ${name}${which}`);
  }
  for (const [name, milli] of Object.entries(custom)) parts.push(`${formatMilli(milli)} ${name}`);
  return parts.length === 0 ? "nothing" : parts.join(" · ");
}
