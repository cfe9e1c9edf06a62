/**
 * Bounds and deadlines of the streams. Constants only.
 *
 * @module
 */

/** Encoded bytes that wait for the end of the turn; at this many they leave at once. */
export const flushBytesMin = 64 * 1024;

/** How long a peer may take from the upgrade to a whole hello, in ms. Then it is closed. */
export const helloTimeoutMs = 10_000;

/** How long a closed stream waits for its peer to close too, in ms. Then it is cut. */
export const closeTimeoutMs = 5_000;

/** Largest body of a refused upgrade that is read for its error, in bytes. The rest is ignored. */
export const refusalBytesMax = 64 * 1024;

/** How long a connection is idle before its peer's machine is probed (then each second), in ms. */
export const keepAliveIdleMs = 5_000;

/** How long a message that nobody waits for may stay behind to leave with another one, in ms. */
export const lingerMs = 4;

/** Connections to a listener that are no streams. Past it the longest quiet one goes. */
export const plainConnectionsMax = 1_024;

/** How long a request may take until its headers are whole, in ms. Then it is closed with 408. */
export const headersTimeoutMs = 15_000;
