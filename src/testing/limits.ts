/**
 * Bounds and periods of simulated clusters. Each is listed in docs/limits.md.
 *
 * @module
 */

/** Microseconds without any decision after which virtual time may skip to what is due next. */
export const quietUs = 70_000_000;

/** What was decided this long before a look may not have been seen by it, microseconds. */
export const pollMarginUs = 5_000_000;

/** Longest delay of a message or a write in a simulated cluster, milliseconds. */
export const simulatedDelayMsMax = 1_000;

/** How far before what is due a skip ends, microseconds: heartbeats are caught up on in it. */
export const skipMarginUs = 1_000;

/** Events after which the real event loop gets a turn, whatever the program has heard. */
export const eventsPerTurnMax = 10_000;

/** How long a function may take in real time before virtual time goes on without it, ms. */
export const patienceMsDefault = 1_000;

/** Real time that a cluster that stands still waits for the program's own timers, ms. */
export const standstillGraceMs = 50;

/** Real time after which a function that never ends fails the waits of its cluster, ms. */
export const functionMsMax = 30_000;

/** Tasks and jobs that the error of a cluster that stands still explains. */
export const explainedMax = 3;

/** Silence after which a worker gives its connection up, microseconds. */
export const workerSilenceUs = 15_000_000;

/** Workers of one simulated cluster. */
export const simulatedWorkersMax = 1_024;

/** Entries that a trace keeps; the oldest leave. */
export const traceEntriesMax = 1_000_000;

/** Virtual time without progress after which random faults pause, microseconds. */
export const faultPauseUs = 3_600_000_000;

/** Lines that the log of one attempt keeps; later ones are dropped. */
export const logLinesKeptMax = 10_000;
