/**
 * Bounds of the transfer of values. `docs/limits.md` lists each with what happens past it.
 *
 * @module
 */

/** Requests that one worker answers at the same time; more are told `busy`. */
export const incomingTransfersMax = 10;

/** Requests that one fetcher has open at the same time; more wait their turn. */
export const outgoingTransfersMax = 50;

/** Values that one request may name; a longer one closes the connection. */
export const fetchTasksMax = 65_536;

/** How long a peer may take to accept a connection, in milliseconds. */
export const peerConnectTimeoutMs = 5_000;

/** How long a transfer may stand still before it has failed, in milliseconds. */
export const transferStallTimeoutMs = 15_000;

/** How long an idle connection to a peer is kept for the next fetch, in milliseconds. */
export const idleConnectionMs = 30_000;

/** Idle connections that are kept to one peer. */
export const idleConnectionsPerPeer = 4;

/** Bytes handed to a socket before the next value waits for it to drain. */
export const sendWindowBytes = 4 * 1024 * 1024;

/** Lines of a log in one answer if the request does not say how many. */
export const logLinesDefault = 1_000;

/** Lines of a log that one request may ask for; more are refused. */
export const logLinesMax = 10_000;

/** Characters of a cursor of a log; a longer one is refused. */
export const logCursorCharsMax = 256;

/** Requests for logs that one worker answers at the same time; a further one is told OVERLOADED. */
export const logReadsMax = 16;

/** Looks at stacks that one worker carries out at once; a further one is told OVERLOADED. */
export const stackReadsMax = 8;

/** Bytes of the path of a unix socket; a worker whose path is longer is reached over TCP alone. */
export const doorPathBytesMax = 100;
