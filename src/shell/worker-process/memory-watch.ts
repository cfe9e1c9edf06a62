/**
 * What the process takes of the machine's memory, told to the kernel when it has changed.
 *
 * @module
 */

import { memoryLookMs, memoryStepShare } from "./limits.ts";

export interface MemoryWatchOptions {
  /** Bytes above which the worker pauses. */
  readonly pauseBytes: number;
  readonly onMeasured: (rssBytes: number) => void;
}

export class MemoryWatch {
  readonly #options: MemoryWatchOptions;
  readonly #timer: NodeJS.Timeout;
  #toldBytes = 0;

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
    const { pauseBytes, onMeasured } = this.#options;
    const rssBytes = process.memoryUsage.rss();
    if (Math.abs(rssBytes - this.#toldBytes) < pauseBytes * memoryStepShare) return;
    this.#toldBytes = rssBytes;
    onMeasured(rssBytes);
  }
}
