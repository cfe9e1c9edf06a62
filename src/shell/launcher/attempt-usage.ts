/**
 * What one attempt uses: counted by its control groups where there are any, else looked at from
 * time to time. Where no group limits the memory this watch does, after the fact.
 *
 * @module
 */

import type { AttemptFile } from "./attempt-files.ts";
import type { AttemptGroups } from "./attempt-groups.ts";
import { memoryWatchMs, usagePauseMsMax } from "./limits.ts";
import {
  measureMemory,
  measureShare,
  type ProcessIdentity,
  sightProcess,
} from "./process-table.ts";
import type { ProcessTree } from "./process-tree.ts";

export interface UsageTotal {
  readonly peakRssBytes: number;
  readonly cpuMs: number;
  /** Something of it was killed because of its memory. */
  readonly oom: boolean;
}

export class AttemptUsage {
  readonly #groups: AttemptGroups;
  readonly #tree: ProcessTree;
  /** 0: nothing to watch. */
  readonly #watchedBytes: number;
  #peakBytes = 0;
  #cpuMs = 0;
  #isOverMemory = false;
  #pauseMs = memoryWatchMs / 2;
  #dueAt = 0;

  constructor({ order }: AttemptFile, groups: AttemptGroups, tree: ProcessTree) {
    this.#groups = groups;
    this.#tree = tree;
    this.#watchedBytes = groups.has("memory") ? 0 : order.memoryBytes;
  }

  /** False while the kernel counts everything. Pauses grow, unless there is a limit to watch. */
  isDue(): boolean {
    return !this.#groups.has("memory") && performance.now() >= this.#dueAt;
  }

  /** True if the attempt must be killed for its memory. */
  async measure(): Promise<boolean> {
    this.#pauseMs = Math.min(this.#pauseMs * 2, usagePauseMsMax);
    this.#dueAt = this.#watchedBytes > 0 ? 0 : performance.now() + this.#pauseMs;
    const members = await this.#tree.members();
    const rssBytes = this.#look(members);
    if (this.#watchedBytes === 0 || rssBytes <= this.#watchedBytes) return false;
    // What several processes share was counted for each of them: look closer before killing.
    const shares = members.reduce((sum, { pid }) => sum + measureShare(pid), 0);
    this.#isOverMemory = (shares === 0 ? rssBytes : shares) > this.#watchedBytes;
    return this.#isOverMemory;
  }

  total(): UsageTotal {
    const { peakBytes, cpuMs, oomKills } = this.#groups.usage();
    return {
      peakRssBytes: peakBytes > 0 ? peakBytes : this.#peakBytes,
      cpuMs: Math.max(cpuMs, this.#cpuMs),
      oom: oomKills > 0 || this.#isOverMemory,
    };
  }

  /** The memory of all of it together. A process that is gone took its time with it. */
  #look(members: readonly ProcessIdentity[]): number {
    let [rssBytes, largestBytes, cpuMs] = [0, 0, 0];
    for (const { pid } of members) {
      const memory = measureMemory(pid);
      rssBytes += memory?.rssBytes ?? 0;
      largestBytes = Math.max(largestBytes, memory?.peakBytes ?? 0);
      cpuMs += sightProcess(pid)?.cpuMs ?? 0;
    }
    this.#peakBytes = Math.max(this.#peakBytes, rssBytes, largestBytes);
    this.#cpuMs = Math.max(this.#cpuMs, cpuMs);
    return rssBytes;
  }
}
