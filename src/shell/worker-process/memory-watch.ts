/**
 * What the worker takes of the machine's memory, told to the kernel when it has changed: its own
 * process, and those that run functions for it.
 *
 * What was let go of is in memory until somebody collects it, and a worker that starts nothing
 * allocates nothing: near its pause bound garbage is collected, or it might pause for ever.
 *
 * @module
 */

import { collectEveryMs, collectShare, memoryLookMs, memoryStepShare } from "./limits.ts";

export interface MemoryWatchOptions {
  /** Bytes above which the worker pauses. */
  readonly pauseBytes: number;
  /** What processes that run functions take besides. */
  readonly processBytes: () => number;
  readonly onMeasured: (rssBytes: number) => void;
  /** Memory gets short. */
  readonly collect: () => void;
}

export class MemoryWatch {
  readonly #options: MemoryWatchOptions;
  readonly #timer: NodeJS.Timeout;
  #toldBytes = 0;
  #collectedAtMs = Number.NEGATIVE_INFINITY;

  /** Looks now, and from then on every `memoryLookMs`. */
  constructor(options: MemoryWatchOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#look(), memoryLookMs);
    this.#timer.unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const { pauseBytes, processBytes, onMeasured } = this.#options;
    const rssBytes = process.memoryUsage.rss() + processBytes();
    if (rssBytes > pauseBytes * collectShare) this.#collect();
    if (Math.abs(rssBytes - this.#toldBytes) < pauseBytes * memoryStepShare) return;
    this.#toldBytes = rssBytes;
    onMeasured(rssBytes);
  }

  #collect(): void {
    const nowMs = performance.now();
    if (nowMs - this.#collectedAtMs < collectEveryMs) return;
    this.#collectedAtMs = nowMs;
    this.#options.collect();
  }
}
