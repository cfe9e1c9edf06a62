/**
 * Calls about jobs, which outlive a controller that is away: what was asked is asked again until it
 * is answered.
 *
 * Only for calls that may be carried out twice.
 *
 * @module
 */

import { CapstanError } from "../model/errors.ts";
import { jobPollDelayMaxMs, jobPollDelayMinMs } from "./limits.ts";
import type { WaitClock } from "./wait-clock.ts";
import { checkTimeout, type WaitLimits } from "./waiting.ts";

/** Who carries calls: the session. */
export interface JobHost {
  readonly clock: WaitClock;
  call(method: string, request: unknown, signal?: AbortSignal): Promise<unknown>;
  warn(code: string, message: string): void;
}

/** A call until it is answered. Rejects with what is refused for good, or the signal's reason. */
export async function callPatiently<T>(
  host: JobHost,
  method: string,
  request: object,
  signal: AbortSignal,
): Promise<T> {
  for (const delays = new PollDelays(host.clock); ; ) {
    try {
      return (await host.call(method, request, signal)) as T;
    } catch (error) {
      if (!isPassing(error)) throw error;
    }
    await delays.pause(signal);
  }
}

/** Whether the same call may be answered later: the controller was away, or had too much to do. */
export function isPassing(error: unknown): boolean {
  return error instanceof CapstanError && error.retryable;
}

/** Pauses between two looks at the same thing: they double from the first to the longest. */
export class PollDelays {
  readonly #clock: WaitClock;
  #nextMs = jobPollDelayMinMs;

  constructor(clock: WaitClock) {
    this.#clock = clock;
  }

  /** Something happened: look again soon. */
  reset(): void {
    this.#nextMs = jobPollDelayMinMs;
  }

  /** Rejects with the signal's reason. */
  async pause(signal: AbortSignal): Promise<void> {
    const delayMs = this.#nextMs;
    this.#nextMs = Math.min(2 * delayMs, jobPollDelayMaxMs);
    try {
      await this.#clock.poll(delayMs, signal);
    } catch (error) {
      throw signal.aborted ? signal.reason : error;
    }
  }
}

/** What becomes of a `run` that takes too long. */
export interface RunLimits extends WaitLimits {
  readonly clock: WaitClock;
  /** What it rejects with after `timeoutMs`. */
  readonly onTimeout: (timeoutMs: number) => CapstanError;
}

/**
 * Runs with a signal that ends it: when the caller's signal does, or after `timeoutMs`. Rejects
 * then with the signal's reason or `onTimeout`'s error, whatever `run` makes of it.
 */
export async function runWithin<T>(
  { clock, signal, timeoutMs, onTimeout }: RunLimits,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  if (timeoutMs !== undefined) checkTimeout(timeoutMs);
  const ended = new AbortController();
  const onAbort = (): void => ended.abort(signal?.reason);
  if (signal?.aborted === true) onAbort();
  signal?.addEventListener("abort", onAbort, { once: true });
  const stopTimer =
    timeoutMs === undefined
      ? undefined
      : clock.after(timeoutMs, () => ended.abort(onTimeout(timeoutMs)));
  try {
    return await run(ended.signal);
  } catch (error) {
    throw ended.signal.aborted ? ended.signal.reason : error;
  } finally {
    stopTimer?.();
    signal?.removeEventListener("abort", onAbort);
  }
}

/** The error after waiting in vain for an answer of the controller. */
export function unanswered(method: string): (timeoutMs: number) => CapstanError {
  return (timeoutMs) => {
    const message = `The controller did not answer ${method} within ${timeoutMs} ms.`;
    return new CapstanError("UNREACHABLE", message);
  };
}
