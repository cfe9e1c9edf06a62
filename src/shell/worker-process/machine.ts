/**
 * What a worker can say of its machine without being told.
 *
 * @module
 */

import { statfsSync } from "node:fs";
import { arch, availableParallelism, hostname, platform, totalmem } from "node:os";
import { type Attributes, releaseAttribute } from "../../model/constraints.ts";
import { formatMemory } from "../../model/format-quantities.ts";
import type { Resources } from "../../model/resources.ts";
import { packageVersion } from "../controller-process/version.ts";

/** Attributes for constraints; what the worker declares under one of these names wins. */
export function probeAttributes(): Attributes {
  return {
    hostname: hostname(),
    os: platform(),
    arch: arch(),
    "cpu-count": String(availableParallelism()),
    "node-version": process.versions.node,
    [releaseAttribute]: packageVersion,
  };
}

/** Bytes that are free where a directory is; 0 if nobody can say. */
export function freeDiskBytes(directory: string): number {
  try {
    const { bavail, bsize } = statfsSync(directory);
    return Math.min(bavail * bsize, Number.MAX_SAFE_INTEGER);
  } catch {
    return 0; // A directory that is not there yet, or a file system that does not tell.
  }
}

/**
 * What is declared and is not there, one sentence each. It is believed all the same: a small
 * machine may stand for a large one.
 */
export function excessOf({ cpuMilli, memoryBytes }: Resources): readonly string[] {
  const cores = availableParallelism();
  const excess: string[] = [];
  if (cpuMilli > cores * 1_000) {
    excess.push(`${cpuMilli / 1_000} CPUs are declared, and the machine has ${cores}`);
  }
  if (memoryBytes > totalmem()) {
    const [declared, real] = [formatMemory(memoryBytes), formatMemory(totalmem())];
    excess.push(`${declared} of memory are declared, and the machine has ${real}`);
  }
  return excess;
}
