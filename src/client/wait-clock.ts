/**
 * The clock that the waits of a client go by: the machine's own, or the virtual one of a simulated
 * cluster, which moves only while somebody waits.
 *
 * @module
 */

import { setTimeout as pauseReal } from "node:timers/promises";

/** Somebody who waits for the cluster. */
export interface OpenWait {
  /** What is waited for, for people. */
  describe(): string;
  /** Ends the wait: what it waits for will never come. */
  fail(error: unknown): void;
}

export interface WaitClock {
  /** Milliseconds since some moment. */
  nowMs(): number;
  /** What time it is in the cluster: Unix milliseconds. */
  unixMs(): number;
  /** Calls `act` once, after `delayMs`; what it returns takes that back. */
  after(delayMs: number, act: () => void): () => void;
  /** Rejects when the signal is aborted. */
  pause(delayMs: number, signal: AbortSignal): Promise<void>;
  /** A pause of somebody who asks again and again until something has changed. */
  poll(delayMs: number, signal: AbortSignal): Promise<void>;
  /** From 0 to 1, to spread what many would do at the same moment. */
  random(): number;
  /** Somebody begins to wait; what it returns says that the wait is over. */
  waits(wait: OpenWait): () => void;
}

/** The longest that a timer can run, milliseconds; a longer wait needs none. */
const timerMsMax = 2 ** 31 - 1;

const nothing = (): void => undefined;

function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  return pauseReal(delayMs, undefined, { signal });
}

/** The machine's clock. */
export const machineClock: WaitClock = {
  nowMs: () => performance.now(),
  unixMs: () => Date.now(),
  after: (delayMs, act) => {
    if (delayMs > timerMsMax) return nothing;
    const timer = setTimeout(act, delayMs);
    return () => clearTimeout(timer);
  },
  pause,
  poll: pause,
  random: Math.random,
  waits: () => nothing,
};
