/**
 * The bounds of the vocabulary: what one specification may hold. `docs/limits.md` says the same; a
 * test keeps the two equal.
 *
 * @module
 */

/** Characters in the name of a task. */
export const taskNameCharactersMax = 500;

/** Characters in the key of a task. */
export const taskKeyCharactersMax = 1_000;

/** Characters in an attribute, a resource, a device kind or a device variant. */
export const nameCharactersMax = 200;

/** Constraints of one specification. */
export const constraintCountMax = 100;

/** Values of one constraint, and workers named by one specification. */
export const constraintValueCountMax = 1_000;

/** Entries of `devices`, and counters of `custom`, in one request or capacity. */
export const resourceEntryCountMax = 100;

/** How often one task may fail and be tried again. */
export const retryCountMax = 1_000_000;

/** The longest duration that may be asked for: 100 years of 365 days. */
export const durationMsMax = 3_153_600_000_000;
