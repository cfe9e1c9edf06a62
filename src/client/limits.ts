/**
 * The bounds of a client: what it keeps, what it sends at once, how long it waits.
 *
 * @module
 */

/**
 * Tasks that one message says are wanted, or released; more are sent as several. With more the
 * controller stands still for longer, with fewer it is told more often.
 */
export const namedTasksMax = 16_384;

/** Tasks in one submit message; more are sent as several. */
export const submitTasksMax = 16_384;

/** Bytes of arguments after which a submit message is closed and the next one begun. */
export const submitBytesMax = 8 * 1024 * 1024;

/** Encoded arguments of one task; more is refused where it is submitted. */
export const argumentsBytesMax = 60 * 1024 * 1024;

/** Dependencies of one task; more is refused where it is submitted. */
export const dependenciesMax = 100_000;

/** Bytes of submits that wait for their acknowledgement; later ones wait in the client. */
export const unacknowledgedBytesMax = 64 * 1024 * 1024;

/** First pause before a lost connection is tried again; it doubles. */
export const reconnectDelayMinMs = 50;

/** Longest pause between two tries of a lost connection. */
export const reconnectDelayMaxMs = 2_000;

/** How long one try to connect may take. */
export const connectTimeoutMs = 10_000;

/** Large values that one client fetches from workers at the same time; others wait in line. */
export const fetchesMax = 8;

/** How often a large value is located anew when its holder is gone, before it is an error. */
export const fetchTriesMax = 6;

/** Results above this are copied out of the message they came in, so that they do not pin it. */
export const pinnedResultBytesMax = 1_024;

/** Released handles remembered until the controller proves that it heard; the oldest go first. */
export const unconfirmedReleasesMax = 1_000_000;

/** Beats without a word from the controller, after which the client connects anew. */
export const controllerSilentBeatsMax = 15;

/** Silent beats after which the client asks the controller something, to be answered. */
export const probeSilentBeats = 5;

/** Bytes of all files of a workspace together, before they are compressed; more is refused. */
export const workspaceBytesMax = 512 * 1024 * 1024;

/** Files, links and directories of a workspace; more is refused. */
export const workspaceEntriesMax = 100_000;

/** Lines of a `.capstanignore`; more is refused. */
export const ignoreLinesMax = 1_000;

/** Commands whose spec is remembered by content; the oldest is forgotten, and defined anew. */
export const internedCommandsMax = 10_000;

/** First pause between two looks at a job or its logs while nothing happens; it doubles. */
export const jobPollDelayMinMs = 100;

/** Longest pause between two looks at a job or its logs. */
export const jobPollDelayMaxMs = 1_000;

/** How long a call about a job is tried while the controller is away; `wait` goes on for ever. */
export const jobCallPatienceMs = 600_000;

/** Tasks on one page when a job's tasks are listed; there are as many pages as it takes. */
export const jobTasksPageSize = 500;

/** Log lines fetched at once; there are as many pages as it takes. */
export const logPageLines = 1_000;

/** Log lines that `tail` may ask for; more is refused: leave `tail` out and read all. */
export const logTailLinesMax = 10_000;

/** How long a call over HTTP waits for its answer, milliseconds. Then it is TIMED_OUT. */
export const apiCallTimeoutMs = 30_000;

/** Scattered values that one client brings to workers at the same time; others wait in line. */
export const uploadsMax = 4;

/** How often in a row no worker may take a scattered value, before its task is cancelled. */
export const uploadTriesMax = 20;

/** The lease of a lock whose user does not say how long, milliseconds. */
export const lockLeaseDefaultMs = 30_000;

/** Characters of the reason of a cancel; a longer one is cut. */
export const reasonCharactersMax = 4_096;

/** How often a lease is renewed before it would end. */
export const renewalsPerLease = 3;

/** How long the session of running tasks stays open after the last of them, milliseconds. */
export const idleTaskSessionMs = 5_000;
