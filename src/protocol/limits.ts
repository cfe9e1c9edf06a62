/**
 * The bounds of the wire: what a peer may send before it is refused. Constants only.
 *
 * @module
 */

/**
 * Largest payload of one frame, in bytes. A larger message is refused by its sender before a byte
 * leaves; a larger frame closes the connection.
 */
export const frameBytesMax = 64 * 1024 * 1024;

/** Tasks in one submit message. A longer one closes the connection: each holds up everybody. */
export const submitRowsMax = 262_144;

/** Tasks that one `want` may name: each is answered. More is refused; a client sends several. */
export const wantRowsMax = 262_144;

/** Largest hello, in bytes of JSON. A larger one is refused and the connection closes. */
export const helloBytesMax = 64 * 1024;

/** Longest id or address in a hello, in UTF-16 units. A longer one is refused with its field. */
export const idCharsMax = 255;

/** Deepest nesting of objects and lists inside one cold message. Deeper is refused. */
export const coldDepthMax = 64;

/** Slots, and command slots, that one worker may offer. More is refused when it says hello. */
export const workerSlotsMax = 65_536;

/** Characters (UTF-16 units) in the context of one attempt. A longer one is refused. */
export const contextCharsMax = 64 * 1024;

/** Exit codes that one spec may list under each of its rules: there are no more than these. */
export const exitCodesMax = 256;

/** Characters of the sentence in which a worker says what ails it. A longer one is refused. */
export const troubleCharsMax = 2_000;

/**
 * Bytes that one value may be said to have, bytes: 1 TiB. More is refused, so that sums of sizes
 * stay exact.
 */
export const valueSizeBytesMax = 2 ** 40;

/** Ways of values in one message of a worker; it counts further ones. More close the connection. */
export const trafficRowsMax = 256;

/** Workers on which one value may be wanted. More is refused; 0 says all of them. */
export const copiesMax = 65_536;

/** Locks that one message may renew. More is refused; a client sends several. */
export const renewedLocksMax = 16_384;
