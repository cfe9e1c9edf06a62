/**
 * Bounds of the journal: what it holds back, how large it grows, what it keeps free on the disk.
 *
 * @module
 */

/** Encoded facts that wait for the running commit. Past it `congested` says: take no new work. */
export const pendingCommitBytesMax = 64 * 1024 * 1024;

/** A new snapshot is folded after this many bytes of commits since the last one. */
export const snapshotAfterBytes = 64 * 1024 * 1024;

/** A new snapshot is folded after this many commits since the last one. */
export const snapshotAfterCommits = 20_000;

/** A snapshot is written in rows of this size, between commits, so that none waits long. */
export const snapshotChunkBytes = 1024 * 1024;

/** Commits that a snapshot made superfluous are deleted in slices of this many rows. */
export const deleteSliceRows = 64;

/**
 * Pages of 4 KiB in the write-ahead log before SQLite folds it into the file. The log has its whole
 * length from the start: more makes the start slower, fewer folds more often.
 */
export const walCheckpointPages = 1_000;

/** Encoded facts that the loop itself may make durable at once. More is for the journal thread. */
export const quickCommitBytesMax = 4 * 1024;

/**
 * The loop makes small commits itself while they take less than this on average. A larger bound
 * makes lone tasks sooner on slower disks, and lets the loop stand still for longer.
 */
export const quickCommitMsMax = 0.5;

/**
 * Commits that the loop may make in a row; the next is for the thread, which folds the log when it
 * is full. Each adds at most three pages to it.
 */
export const quickCommitsInRowMax = 128;

/** Preallocated on the data directory's disk; given back when the disk is nearly full. */
export const diskReserveBytes = 32 * 1024 * 1024;

/** New submits are refused while less than this is free on the data directory's disk. */
export const diskFreeBytesMin = 64 * 1024 * 1024;

/** They are taken again when this much is free: the gap keeps the answer from flickering. */
export const diskFreeBytesResume = 128 * 1024 * 1024;

/** How often the free space is looked at. */
export const diskCheckIntervalMs = 1_000;

/** How long a read or write of the journal waits for SQLite's own lock. */
export const databaseBusyTimeoutMs = 10_000;
