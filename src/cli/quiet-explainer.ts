/**
 * Says why nothing of a job runs, once nothing has run for a while, and again when the reason
 * changes.
 *
 * @module
 */

import { CapstanError } from "../model/errors.ts";
import { explainEveryMs, quietMsMax } from "./limits.ts";
import type { PatientCalls } from "./patient-calls.ts";
import type { Explanation, JobView } from "./responses.ts";

/** States in which a worker has the task. */
const activeStates = ["ASSIGNED", "BUILDING", "RUNNING"] as const;

export class QuietExplainer {
  readonly #calls: PatientCalls;
  readonly #say: (message: string) => void;
  #quietSinceMs: number | null = null;
  #askedAtMs = 0;
  #said = "";

  constructor(calls: PatientCalls, say: (message: string) => void) {
    this.#calls = calls;
    this.#say = say;
  }

  /** Looks at a job that has not ended; asks and speaks if it is time to. */
  async update(job: JobView): Promise<void> {
    const now = Date.now();
    if (activeStates.some((state) => (job.taskStateCounts[state] ?? 0) > 0)) {
      this.#quietSinceMs = null;
      return;
    }
    this.#quietSinceMs ??= now;
    if (now - this.#quietSinceMs < quietMsMax || now - this.#askedAtMs < explainEveryMs) return;
    this.#askedAtMs = now;
    this.#speak(await this.#ask(job.jobId));
  }

  /** An answer that is an error is worth telling, and no reason to stop following. */
  async #ask(jobId: string): Promise<string> {
    try {
      return summaryOf(await this.#calls.call("Explain", { id: jobId }));
    } catch (error) {
      if (error instanceof CapstanError) return `cannot say why nothing runs: ${error.message}`;
      throw error;
    }
  }

  #speak(message: string): void {
    if (message === this.#said) return;
    this.#said = message;
    this.#say(message);
  }
}

function summaryOf({ summary, change }: Explanation): string {
  const next = change === null ? "" : `. What would start it: ${change.message}`;
  return `waiting: ${summary}${next}`;
}
