/**
 * Whether this worker can run anything: looked at now and then, and said when it changes. A worker
 * whose disk is full answers every heartbeat and fails every task; it must say so itself.
 *
 * @module
 */

import { randomUUID } from "node:crypto";
import { rm, statfs, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { formatMemory } from "../../model/format-quantities.ts";
import { freeDiskBytesMin, freeDiskFractionMin, healthCheckMs } from "./limits.ts";

export interface HealthOptions {
  readonly workDir: string;
  /** "" while commands can be run, else why not, as a sentence. */
  readonly executorTrouble: () => string;
  /** Told when it changes: "" is well, else what is wrong, as sentences. */
  readonly onChange: (trouble: string) => void;
}

export class HealthWatch {
  readonly #options: HealthOptions;
  #timer: NodeJS.Timeout | null = null;
  #trouble = "";
  #isClosed = false;

  constructor(options: HealthOptions) {
    this.#options = options;
  }

  /** Checks at once, and from then on every `healthCheckMs`. Resolves after the first check. */
  async start(): Promise<void> {
    await this.check();
    if (!this.#isClosed) this.#arm();
  }

  /** Looks now. */
  async check(): Promise<void> {
    const { workDir, executorTrouble, onChange } = this.#options;
    const found = [executorTrouble(), await troubleOfDisk(workDir)];
    const trouble = found.filter((sentence) => sentence !== "").join(" ");
    if (this.#isClosed || trouble === this.#trouble) return;
    this.#trouble = trouble;
    onChange(trouble);
  }

  close(): void {
    this.#isClosed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  #arm(): void {
    this.#timer = setTimeout(() => void this.start(), healthCheckMs);
    this.#timer.unref();
  }
}

/** Free bytes that a disk of so many must have. */
export function freeDiskNeeded(diskBytes: number): number {
  return Math.max(freeDiskBytesMin, diskBytes * freeDiskFractionMin);
}

/** "" if there is room on the disk of `directory` and a file can be written there. */
export async function troubleOfDisk(directory: string): Promise<string> {
  try {
    const { bavail, blocks, bsize } = await statfs(directory);
    const least = freeDiskNeeded(blocks * bsize);
    if (bavail * bsize < least) {
      const [free, needed] = [formatMemory(bavail * bsize), formatMemory(Math.ceil(least))];
      return `The disk of ${directory} is full: ${free} are free, ${needed} are needed.`;
    }
    const probe = join(directory, `.health-${randomUUID()}`);
    await writeFile(probe, "well\n");
    await rm(probe);
    return "";
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return `Nothing can be written to ${directory}: ${reason}.`;
  }
}
