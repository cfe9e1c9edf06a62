/**
 * Bounds of what a worker keeps. `docs/limits.md` lists each with what happens past it.
 *
 * @module
 */

/** Bytes of a value that are written to or read from the disk at once. */
export const spillChunkBytes = 4 * 1024 * 1024;

/** Bytes of a value on the disk that are read for a peer at once. */
export const streamChunkBytes = 256 * 1024;

/** What values on the disk leave free there, in units of what the worker's health demands. */
export const spillFreeFactor = 2;
