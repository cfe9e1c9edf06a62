/**
 * Calls that outlive an outage: while a job is watched, a controller that does not answer is a
 * notice and a pause, not the end of the command. The job goes on without us.
 *
 * @module
 */

import { setTimeout as sleep } from "node:timers/promises";
import { CapstanError, type ErrorCode } from "../model/errors.ts";
import { callApi } from "./api.ts";
import type { Target } from "./global-flags.ts";
import { outageMsMax, outagePauseMsMax, outagePauseMsMin } from "./limits.ts";
import type { Requests, Responses, Unchanging } from "./responses.ts";

/** What an outage looks like; every other error is an answer. */
const outageCodes: readonly ErrorCode[] = ["UNREACHABLE", "TIMED_OUT", "OVERLOADED"];

/** Whether an error says that nobody answered, rather than being the answer. */
export function isOutage(error: unknown): boolean {
  return error instanceof CapstanError && outageCodes.includes(error.code);
}

export interface PatientOptions {
  readonly target: Target;
  /** Told once when an outage begins and once when it is over. */
  readonly notify: (message: string) => void;
  /** When an outage ends the call, milliseconds since 1970. Default never. */
  readonly deadlineMs?: number;
  /** Ends the pause between two tries. */
  readonly wake?: AbortSignal;
}

export class PatientCalls {
  readonly #options: PatientOptions;
  #outageSinceMs: number | null = null;

  constructor(options: PatientOptions) {
    this.#options = options;
  }

  /**
   * Calls a method, as often as it takes.
   *
   * @throws CapstanError what the controller says; UNREACHABLE, TIMED_OUT or OVERLOADED when an
   * outage lasted for 10 minutes or past the deadline
   */
  async call<M extends keyof Responses>(
    method: M,
    request: Unchanging<Requests[M]>,
  ): Promise<Responses[M]> {
    let pauseMs = outagePauseMsMin;
    for (;;) {
      try {
        const response = await callApi(this.#options.target, method, request);
        this.#endOutage();
        return response;
      } catch (error) {
        this.#noteOutage(error);
      }
      await this.#pause(pauseMs);
      pauseMs = Math.min(pauseMs * 2, outagePauseMsMax);
    }
  }

  #noteOutage(error: unknown): void {
    if (!(error instanceof CapstanError) || !isOutage(error)) throw error;
    const now = Date.now();
    if (this.#outageSinceMs === null) {
      this.#outageSinceMs = now;
      this.#options.notify(`${error.message} Trying again; the job goes on.`);
    }
    const isOver = now >= (this.#options.deadlineMs ?? Number.POSITIVE_INFINITY);
    if (isOver || now - this.#outageSinceMs > outageMsMax) throw error;
  }

  #endOutage(): void {
    if (this.#outageSinceMs === null) return;
    this.#outageSinceMs = null;
    this.#options.notify("connected again");
  }

  async #pause(ms: number): Promise<void> {
    const { deadlineMs = Number.POSITIVE_INFINITY, wake } = this.#options;
    await pause(Math.min(ms, Math.max(0, deadlineMs - Date.now())), wake);
  }
}

/** Waits; less long if `wake` is aborted. Does not throw. */
export async function pause(ms: number, wake?: AbortSignal): Promise<void> {
  if (wake?.aborted === true) return sleep(Math.min(ms, outagePauseMsMin));
  await sleep(ms, undefined, wake === undefined ? {} : { signal: wake }).catch(() => undefined);
}
