/**
 * Looks at something again and again until it has ended, and hands on its log lines meanwhile. The
 * pauses grow while nothing happens, and with what a look or a pull costs: a job of thousands of
 * tasks is not a load on the controller. Each has its own: the end is seen soon, however long lines
 * take to fetch.
 *
 * @module
 */

import { logLinesMax } from "../shell/api/limits.ts";
import {
  slowWatchPauseMsMax,
  watchPauseFactor,
  watchPauseMsMax,
  watchPauseMsMin,
} from "./limits.ts";
import { pause } from "./patient-calls.ts";

export interface Following {
  /** Looks once. True when what is followed has ended. */
  readonly look: () => Promise<boolean>;
  /** Hands on what is new; returns how many lines that were. */
  readonly pull: () => Promise<number>;
  /** Ends the pause between two looks. */
  readonly wake?: AbortSignal;
}

/** Resolves once a look said that it has ended, after one more pull. */
export async function followUntilEnded({ look, pull, wake }: Following): Promise<void> {
  let pauseMs = watchPauseMsMin;
  let nextPullMs = 0;
  for (;;) {
    const startedMs = Date.now();
    const ended = await look();
    const lookedMs = Date.now();
    let lineCount = 0;
    if (ended || lookedMs >= nextPullMs) {
      lineCount = await pull();
      // Whole pages are no load without a use: there was that much to tell.
      const isBehind = lineCount >= logLinesMax;
      nextPullMs = Date.now() + (isBehind ? 0 : restMs(Date.now() - lookedMs));
    }
    if (ended) return;
    pauseMs = lineCount > 0 ? watchPauseMsMin : Math.min(pauseMs * 1.5, watchPauseMsMax);
    await pause(Math.max(pauseMs, restMs(lookedMs - startedMs)), wake);
  }
}

/** How long something rests that took so long. */
function restMs(costMs: number): number {
  return Math.min(costMs * watchPauseFactor, slowWatchPauseMsMax);
}
