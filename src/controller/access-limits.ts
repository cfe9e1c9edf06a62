/**
 * Bounds of what administration keeps: tokens, budgets, endpoints. Each is listed in
 * docs/limits.md.
 *
 * @module
 */

/** Characters of a user's name. A longer one is refused. */
export const userCharactersMax = 100;

/** Users whose budget was set. A further one is refused with OVERLOADED. */
export const budgetsMax = 10_000;

/** Greatest weight of a user; the smallest is its inverse. What is outside is refused. */
export const userWeightMax = 1_000;

/** Tokens that are remembered; the oldest dead one leaves, and without one a new is refused. */
export const tokensMax = 10_000;

/** Tokens of one user that work. A further one is refused until one is revoked or expires. */
export const tokensPerUserMax = 100;

/** Characters of the note of a token. A longer one is refused. */
export const tokenNoteCharactersMax = 200;

/** Endpoints of all tasks together. A further one is refused with OVERLOADED. */
export const endpointsMax = 20_000;

/** Endpoints of one attempt. A further one is refused until one is unregistered. */
export const endpointsPerAttemptMax = 32;

/** Shortest lease of an endpoint, milliseconds. A shorter one is refused. */
export const leaseMinMs = 1_000;

/** Longest lease of an endpoint, and the default, milliseconds. A longer one is refused. */
export const leaseMaxMs = 600_000;

/** Characters of an endpoint's id, and of a key of its metadata. A longer one is refused. */
export const endpointIdCharactersMax = 128;

/** Characters of an endpoint's name. A longer one is refused. */
export const endpointNameCharactersMax = 200;

/** Characters of an endpoint's address. A longer one is refused. */
export const endpointAddressCharactersMax = 300;

/** Entries of the metadata of one endpoint. More are refused. */
export const endpointMetadataMax = 16;

/** Characters of one value of the metadata of an endpoint. A longer one is refused. */
export const endpointMetadataCharactersMax = 1_024;
