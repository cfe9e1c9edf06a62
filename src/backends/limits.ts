/**
 * Bounds of the local backend. `docs/limits.md` repeats them.
 *
 * @module
 */

/** How long a child process may take to announce itself. */
export const childReadyTimeoutMs = 30_000;

/** How long a cluster may take until the controller serves and every worker has registered. */
export const clusterReadyTimeoutMs = 60_000;

/** How long a child may take to end after SIGTERM before it is killed. */
export const childStopGraceMs = 5_000;

/** First delay before a worker that ended is started again; doubles up to `restartDelayMaxMs`. */
export const restartDelayMinMs = 100;

/** Longest delay before a worker that ended is started again. */
export const restartDelayMaxMs = 10_000;

/** A worker that lived this long is started again without delay. */
export const restartForgivenAfterMs = 30_000;

/** How long the proof that a worker ended is offered to a controller that does not answer. */
export const exitReportTimeoutMs = 30_000;

/** How much of a child's log goes into the error when it does not start. */
export const logTailBytesMax = 4_096;

/** Looks for what a killed worker ran, each of which kills what it finds; the rest is left. */
export const killRoundsMax = 100;
