/**
 * Bounds of the HTTP API.
 *
 * @module
 */

/** Body of an API call. A larger one is refused with INVALID_ARGUMENT. */
export const requestBytesMax = 1024 * 1024;

/** Of a body that is too large, so much is read and dropped, so that the refusal is heard. */
export const discardedBytesMax = 16 * 1024 * 1024;

/** How long the body of a call may take to arrive, in ms. Then it is refused. */
export const requestArrivalMsMax = 30_000;

/** One bundle. A larger one is refused with INVALID_ARGUMENT. */
export const bundleBytesMax = 512 * 1024 * 1024;

/** Characters of an id or a name in a request. A longer one is refused with INVALID_ARGUMENT. */
export const idCharactersMax = 1_000;

/** Characters of free text in a request: a reason, a note. More is refused. */
export const textCharactersMax = 10_000;

/** Rows of one page of a list. More is refused with INVALID_ARGUMENT. */
export const pageSizeMax = 1_000;

/** Characters of a page token. More is refused with INVALID_ARGUMENT. */
export const pageTokenCharactersMax = 1_000;

/** Lines that one call of FetchLogs answers with. More is refused with INVALID_ARGUMENT. */
export const logLinesMax = 10_000;

/** Characters of the cursor of FetchLogs. More is refused with INVALID_ARGUMENT. */
export const logCursorCharactersMax = 900_000;

/** Entries of a map or a list in a request: variables, metadata, exit codes, states. */
export const requestEntriesMax = 10_000;

/** Nodes of one answer of GetGraph, and four times as many edges. What is left out is counted. */
export const graphNodesMax = 2_000;

/** Cells of one answer of GetTaskGrid. More of a job is asked for from a later index. */
export const gridCellsMax = 50_000;

/** Runs of one answer of GetTaskStream. Where there are more, several are told together. */
export const streamRunsMax = 20_000;

/** Workers of one answer of GetTaskStream. The runs of others are counted only. */
export const streamWorkersMax = 1_000;

/** Bytes of the dashboard's files, which are kept in memory. Those past it are not served. */
export const dashboardBytesMax = 32 * 1024 * 1024;
