/**
 * The bounds of the command line: how long it waits, how often it asks, how much it shows.
 *
 * @module
 */

/** How long one call of the API may take, in milliseconds; then it is tried again, or an error. */
export const callTimeoutMs = 30_000;

/** How long the controller may take to make a dump, in milliseconds; then it is an error. */
export const dumpTimeoutMs = 600_000;

/** How long a watched job outlives the connection, in milliseconds; then the command gives up. */
export const outageMsMax = 600_000;

/** First pause before a lost connection is tried again, in milliseconds; it doubles. */
export const outagePauseMsMin = 250;

/** Longest pause between two tries of a lost connection, in milliseconds. */
export const outagePauseMsMax = 5_000;

/** First pause between two looks at a job, in milliseconds; it grows while nothing happens. */
export const watchPauseMsMin = 50;

/** Longest pause between two looks at a quiet job, in milliseconds. */
export const watchPauseMsMax = 1_000;

/** The pause is at least this many times what the look itself took: large jobs cost less. */
export const watchPauseFactor = 4;

/** Longest pause that a slow look leads to, in milliseconds. */
export const slowWatchPauseMsMax = 10_000;

/** How long nothing of a job may run before `run` says why, in milliseconds. */
export const quietMsMax = 2_000;

/** How often `run` asks why nothing runs, in milliseconds. */
export const explainEveryMs = 2_000;

/** How long the last lines of a job that has ended are waited for, in milliseconds. */
export const finalLinesMsMax = 30_000;

/** How long followed lines may be out of reach before it is said, in milliseconds. */
export const missingLinesMsMax = 3_000;

/** Lines that `job logs` shows when nobody says how many; it says that there are more. */
export const logTailLines = 1_000;

/** Tasks that one page of a list brings, where a command reads all pages. */
export const taskPageSize = 500;

/** Tasks that `job summary` and `job bug-report` read; further ones are counted, not shown. */
export const summarisedTasksMax = 10_000;

/** Tasks that did not succeed and are shown one by one; further ones are counted. */
export const shownFailuresMax = 20;

/** Last lines of each task that did not succeed, in a bug report. */
export const reportedLogLines = 50;

/** Lines of an attempt's standard error that `run` repeats when it failed. */
export const stderrTailLines = 10;

/** Child jobs that a bug report lists; further ones are counted. */
export const childJobsMax = 200;

/** Sets of a study that a table shows; further ones are counted: an export has them all. */
export const shownSetsMax = 50;

/** Figures on the page of a study: one for each parameter that is a number. */
export const pageFiguresMax = 8;

/** Sets in the table on the page of a study; further ones are counted. */
export const pageSetsMax = 1_000;

/** Failed replicates that the page of a study lists; the heading counts all. */
export const pageFailuresMax = 100;

/** Workers that hold a value which `value list` names; further ones are counted. */
export const valueHoldersShownMax = 4;
