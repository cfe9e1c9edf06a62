/**
 * Bounds of the launcher and its logs. `docs/limits.md` lists each with what happens past it.
 *
 * @module
 */

/** A launcher without attempts, unacknowledged ends and workers ends after this long. */
export const idleEndMs = 60_000;

/** Attempts of one launcher, running or not yet acknowledged; a further one fails to start. */
export const launcherAttemptsMax = 4_096;

/** The log of attempts is written anew past this, if more than half of it is done with. */
export const attemptLogBytesMin = 1024 * 1024;

/** How long a program that was found is believed to be there; then it is looked for again. */
export const programFoundMs = 1_000;

/** Programs that are remembered to be there; past it all are looked for again. */
export const programsFoundMax = 256;

/** Workers connected to one launcher at the same time; a further one is disconnected. */
export const workerConnectionsMax = 8;

/** One message between worker and launcher; past it the connection is closed. */
export const launcherMessageBytesMax = 32 * 1024 * 1024;

/** What is written to a worker that does not read, before the rest waits in the launcher. */
export const workerUnreadBytesMax = 1024 * 1024;

/** How long the last words to a worker may take; what it has not read it gets when it returns. */
export const goodbyeMs = 2_000;

/** How deep the tag of an order may be nested; a deeper one is refused by the launcher. */
export const tagDepthMax = 32;

/** Text for an attempt's stdin; a longer one is refused by the worker. */
export const stdinBytesMax = 8 * 1024 * 1024;

/** What may be kept of stdout as a result; an order for more is refused by the worker. */
export const stdoutResultBytesMax = 1024 * 1024;

/** What an exit record holds of stderr; older output is only in the log. */
export const stderrTailBytesMax = 8 * 1024;

/** A log segment; past it the next one is begun. */
export const logSegmentBytesMax = 8 * 1024 * 1024;

/** Newest log segments that are kept beside the first; older ones are deleted and reported. */
export const logLastSegmentsMax = 7;

/** Output of one attempt that waits for the disk; past it the attempt's pipes are not read. */
export const logPendingBytesMax = 256 * 1024;

/** A line of a log; a longer one is cut into pieces that are marked as such. */
export const logPieceBytesMax = 64 * 1024;

/** An unfinished line is written to the log as a piece after this long. */
export const partialLineMs = 1_000;

/** Lines that one read of a log returns at most; the cursor leads to the rest. */
export const logReadLinesMax = 10_000;

/** Text that one read of a log returns at most, give or take a line; the cursor leads on. */
export const logReadBytesMax = 4 * 1024 * 1024;

/** Without cgroups: the least pause between two looks at all processes; ends wait for the next. */
export const scanPauseMsMin = 10;

/** The same pause in durations of a look: looking takes at most this part of one core. */
export const scanPausePerLook = 10;

/** First pause between two looks at what an ended main process left; it doubles. */
export const treePollMinMs = 5;

/** Longest pause between two looks at a tree that is to end. */
export const treePollMaxMs = 200;

/** How often the processes of a launcher that was killed are looked at by the next one. */
export const adoptedPollMs = 200;

/** Longest grace of what an ended main process left behind, before it is killed. */
export const leftoverGraceMsMax = 5_000;

/** How often the memory of attempts is measured where no cgroup limits it. */
export const memoryWatchMs = 500;

/** Longest pause between two measurements of an attempt without a memory limit. */
export const usagePauseMsMax = 2_000;

/** How long the pipes of a tree that is gone may stay open in other hands; then they are left. */
export const pipeDrainMs = 2_000;

/** The script that starts one program; the launcher itself starts an order that needs more. */
export const starterScriptBytesMax = 32 * 1024;

/** Starters that are kept for what comes next; a further one ends with its attempt. */
export const idleStartersMax = 64;

/** A starter that has had nothing to start for this long, up to twice, ends. */
export const idleStarterMs = 5_000;

/** Starters whose named pipes are made at once. */
export const startersPerBatch = 8;

/** An attempt's output is read at once from this age on; before, at its end. */
export const outputIdleMs = 10;

/** Named pipes that are made at once: two of them serve one attempt. */
export const pipesPerBatch = 32;

/** How long an empty control group is tried to be removed; then it is left and logged. */
export const groupRemoveMs = 10_000;

/** Longest timer that is set; a later deadline is reached in several. */
export const timerMsMax = 3_600_000;

/** How long a new launcher may take until it listens; then the worker reports what it logged. */
export const launcherStartMs = 10_000;

/** How long a launcher may take to end after the last process that it stopped. */
export const launcherEndMs = 10_000;

/** How long a worker that lost its connection waits to see whether the launcher is gone. */
export const launcherGoneMs = 200;

/** Pause before a launcher that is being started is looked for again. */
export const launcherLookMs = 20;

/** The launcher's own log; a larger one is emptied when the next launcher starts. */
export const launcherLogBytesMax = 1024 * 1024;

/** Young and old generation of the launcher's heap, in MiB; past the old one it ends. */
export const launcherYoungMebibytes = 1;
export const launcherOldMebibytes = 64;
