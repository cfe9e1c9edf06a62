/**
 * Passes on how far a function says it is, now and then: of what it says in between the latest.
 *
 * @module
 */

import type { Progress } from "../../model/progress.ts";
import { progressIntervalMs } from "./limits.ts";

export class ProgressThrottle {
  readonly #tell: (progress: Progress) => void;
  #latest: Progress | null = null;
  #toldMs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | null = null;

  constructor(tell: (progress: Progress) => void) {
    this.#tell = tell;
  }

  push(progress: Progress): void {
    this.#latest = progress;
    const restMs = this.#toldMs + progressIntervalMs - performance.now();
    // No timer fires in a loop without an end: what it says next passes by itself.
    if (restMs <= 0) this.#pass();
    else this.#timer ??= setTimeout(() => this.#pass(), restMs).unref();
  }

  #pass(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const latest = this.#latest;
    if (latest === null) return;
    this.#latest = null;
    this.#toldMs = performance.now();
    this.#tell(latest);
  }
}
