/**
 * Bounds of live queries on `GET /v1/events`.
 *
 * @module
 */

/** A live query is read again at most this often, in ms, however fast the journal goes. */
export const liveRefreshMs = 250;

/** Without a new fact a live query is read again after so long: for what is in no journal. */
export const liveIdleRefreshMs = 2_000;

/** Of the CPU time of the controller's loop, what live queries may take. More come later. */
export const liveShare = 0.1;

/** CPU time, in ms, that live queries may take in one go after they took none. */
export const liveCreditMsMax = 25;

/** Different questions that are kept up to date. A further one is told OVERLOADED. */
export const liveQueriesMax = 4_096;

/** Connections to `/v1/events`. A further one is told OVERLOADED. */
export const liveConnectionsMax = 512;

/** Subscriptions of one connection. A further one is told OVERLOADED. */
export const liveSubscriptionsMax = 64;

/** Bytes of one message of a client. A larger one ends the connection. */
export const liveMessageBytesMax = 256 * 1024;

/** How often the clock is told, in ms. */
export const liveClockMs = 1_000;

/** How often a connection is pinged, in ms. One that did not answer the ping before is cut. */
export const livePingMs = 15_000;

/** How long, in ms, a message may take to leave. Then its connection, which is not read, is cut. */
export const liveUnsentMsMax = 30_000;

/** How often a log that is followed is read again, in ms. */
export const liveLogMs = 1_000;
