/**
 * The bounds of studies: what is open at a time, what one task is given, what is kept of failures.
 *
 * @module
 */

/** Levels of arrays and objects in parameters; deeper ones are refused. */
export const parameterDepthMax = 64;

/** Replicates of one set; more are refused. */
export const replicatesMax = 1_000_000;

/** Replicates submitted and not ended, when nobody says how many; others wait in the client. */
export const openReplicatesDefault = 2_048;

/** Bytes of arguments of replicates submitted and not ended; others wait in the client. */
export const openArgumentBytesMax = 64 * 1024 * 1024;

/** Sets whose aggregation is under way at a time; others wait, with their values on the disk. */
export const openAggregationsMax = 32;

/** Bytes of recorded values that aggregations may hold in the client at a time; one always may. */
export const openValueBytesMax = 16 * 1024 * 1024;

/** Replicates that one task of a reduction folds. */
export const foldReplicates = 256;

/** Bytes of values that one task of a reduction folds; a larger part becomes several tasks. */
export const foldBytesMax = 4 * 1024 * 1024;

/** Partial results that one task of a reduction merges. */
export const mergeStates = 16;

/** Bytes of values that an aggregation of one task takes; more is an error: use a reduction. */
export const aggregateBytesMax = 56 * 1024 * 1024;

/** Bytes of one recorded value; a replicate with a larger one has failed. */
export const recordedValueBytesMax = 48 * 1024 * 1024;

/** Bytes of one record with all that stands beside its value; one that claims more is damaged. */
export const recordBytesMax = 2 * recordedValueBytesMax;

/** Records written between two syncs of the record; a power failure costs at most these. */
export const unsyncedRecordsMax = 512;

/** Failures of one set that its result lists; further ones are counted. */
export const listedFailuresMax = 20;

/** Characters of an error and of its stderr that the record keeps for a failed replicate. */
export const failureCharactersMax = 2_000;

/** Times that a replicate is submitted again because its cluster was replaced by another. */
export const lostTriesMax = 20;
