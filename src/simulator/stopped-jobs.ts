/**
 * Jobs whose end somebody was promised: from the answer on until the name is asked for anew.
 *
 * @module
 */

import type { JobCall } from "./observer.ts";

export class StoppedJobs {
  /** Calls that ask for an end, of jobs that nobody has asked for again since. */
  readonly #asked = new Map<number, string>();
  readonly #stopped = new Set<string>();

  has(jobId: string): boolean {
    return this.#stopped.has(jobId);
  }

  onCall({ type, jobId, call }: JobCall): void {
    if (type === "stop-asked") this.#asked.set(call, jobId);
    else if (type === "launch-asked") this.#forget(jobId);
    else if (this.#asked.has(call)) this.#stopped.add(jobId);
  }

  /** Another job of that name may come from here on. */
  #forget(jobId: string): void {
    this.#stopped.delete(jobId);
    for (const [call, of] of this.#asked) if (of === jobId) this.#asked.delete(call);
  }
}
