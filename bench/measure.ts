/**
 * What a run cost: CPU time and peak memory of all processes involved, and what the machine is.
 *
 * @module
 */

import {
  closeSync,
  existsSync,
  fdatasyncSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from "node:fs";
import { availableParallelism, cpus, release, tmpdir, totalmem, type } from "node:os";
import { join } from "node:path";

/** CPU time and memory of some processes. */
export interface Usage {
  /** User and system time since each process started, in seconds. */
  readonly cpuSeconds: number;
  /** Sum of each process's own peak of resident memory. */
  readonly peakRssBytes: number;
}

/** Ticks of `/proc` in a second: the same on every Linux that Node runs on. */
const ticksPerSecond = 100;

/** What this process and `pids` have used so far. Without `/proc` only this process counts. */
export function usageOf(pids: readonly number[]): Usage {
  const own = process.resourceUsage();
  let cpuSeconds = (own.userCPUTime + own.systemCPUTime) / 1e6;
  let peakRssBytes = own.maxRSS * 1_024;
  for (const pid of pids) {
    if (!existsSync(`/proc/${pid}/stat`)) continue;
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    cpuSeconds += (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    peakRssBytes += Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1_024;
  }
  return { cpuSeconds, peakRssBytes };
}

/** CPU seconds that this process spends on `work`, in all its threads. */
export function cpuSecondsOf(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

/** The median of `values`; the mean of the middle two when their number is even. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** The value below which `share` of `values` lie, linear between the two nearest. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((left, right) => left - right);
  const place = share * (sorted.length - 1);
  const below = sorted[Math.floor(place)];
  return below + (sorted[Math.ceil(place)] - below) * (place - Math.floor(place));
}

/** The machine, for those who compare. */
export function describeMachine(): { readonly [field: string]: unknown } {
  return {
    cpu: cpus()[0]?.model ?? "unknown",
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    system: `${type()} ${release()}`,
    node: process.versions.node,
  };
}

/** Median of 200 writes of 4 KiB, each made durable, in the directory that the journals use. */
export function measureFdatasyncMs(): number {
  const directory = mkdtempSync(join(tmpdir(), "capstan-fdatasync-"));
  const file = openSync(join(directory, "probe"), "w");
  const block = new Uint8Array(4_096);
  const times = Array.from({ length: 200 }, () => {
    const startedAt = performance.now();
    writeSync(file, block);
    fdatasyncSync(file);
    return performance.now() - startedAt;
  });
  closeSync(file);
  rmSync(directory, { recursive: true });
  return median(times);
}
