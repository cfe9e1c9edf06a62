/**
 * The journal's SQLite file: its tables and the statements on them. One connection writes (the
 * journal thread); restore and the snapshot thread read on connections of their own.
 *
 * Invariant: a commit is one row, written by one statement, and only while the epoch in the file
 * is the writer's own. Rows are contiguous: each begins where the one before it ended.
 *
 * @module
 */

import { chmodSync, closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { CapstanError } from "../../model/errors.ts";
import { epochMax } from "../../model/ids.ts";
import { damaged } from "./damage.ts";
import { type CommitHeader, commitChecksum } from "./fact-codec.ts";
import { databaseBusyTimeoutMs, quickCommitsInRowMax, walCheckpointPages } from "./limits.ts";

const formatVersion = "3";
const pageBytes = 4096;
const sqliteFull = 13;

/**
 * What stays in the cache of `preallocateLog`, and what may be added to a full log: by quick
 * commits, and by the commit after them.
 */
const slackPages = 64 + 3 * quickCommitsInRowMax;

const schema = `
  CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS commits (
    last INTEGER PRIMARY KEY, first INTEGER NOT NULL, epoch INTEGER NOT NULL,
    at INTEGER NOT NULL, checksum INTEGER NOT NULL, blob BLOB NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS snapshots (
    sequence INTEGER PRIMARY KEY, at INTEGER NOT NULL, hash TEXT NOT NULL,
    chunks INTEGER NOT NULL, bytes INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS snapshot_chunks (
    sequence INTEGER NOT NULL, position INTEGER NOT NULL, blob BLOB NOT NULL,
    PRIMARY KEY (sequence, position)
  ) STRICT;
`;

export function journalPath(dataDir: string): string {
  return join(dataDir, "journal.sqlite");
}

/** Opens the file for writing: WAL, and every commit is on the disk before it is answered. */
export function openForWriting(dataDir: string): DatabaseSync {
  keepPrivate(journalPath(dataDir));
  const database = new DatabaseSync(journalPath(dataDir), { timeout: databaseBusyTimeoutMs });
  database.exec("PRAGMA journal_mode = WAL");
  database.exec("PRAGMA synchronous = FULL");
  database.exec(`PRAGMA wal_autocheckpoint = ${walCheckpointPages}`);
  createJournal(database);
  return database;
}

/** Makes the tables of a journal that does not have them. Throws DISK_FAILED for another format. */
export function createJournal(database: DatabaseSync): void {
  database.exec(schema);
  checkFormat(database);
}

/**
 * Specs and the tokens of jobs are in it, and its directory may be one that everybody reads. SQLite
 * gives the files beside it the same mode.
 */
function keepPrivate(path: string): void {
  closeSync(openSync(path, "a", 0o600));
  chmodSync(path, 0o600); // An older file keeps its mode when it is opened again.
}

/**
 * Gives the write-ahead log its whole length. A commit that overwrites a part of it is durable
 * several times sooner than one that makes it longer, which has to store the file's new size too.
 * The log of an open database is not shortened again, so a connection must be open and stay so.
 * Does without on a full disk: what was accepted goes on, if slower.
 */
export function preallocateLog(dataDir: string): void {
  const database = new DatabaseSync(journalPath(dataDir), { timeout: databaseBusyTimeoutMs });
  try {
    // With so small a cache, what a transaction writes goes to the log before it is rolled back.
    database.exec("PRAGMA synchronous = FULL; PRAGMA cache_size = 16; PRAGMA cache_spill = 16");
    database.exec("BEGIN IMMEDIATE; CREATE TABLE filler (blob BLOB)");
    const bytes = (walCheckpointPages + slackPages) * pageBytes;
    database.prepare("INSERT INTO filler VALUES (zeroblob(?))").run(bytes);
    database.exec("ROLLBACK; UPDATE meta SET value = value WHERE name = 'format'");
  } catch (error) {
    if (!isDiskFull(error)) throw error;
  } finally {
    database.close();
  }
}

function isDiskFull(error: unknown): boolean {
  return error instanceof Error && "errcode" in error && error.errcode === sqliteFull;
}

export function openForReading(dataDir: string): DatabaseSync {
  return openFileForReading(journalPath(dataDir));
}

/** The journal in a file of any name: a copy that somebody sent. */
export function openFileForReading(path: string): DatabaseSync {
  return new DatabaseSync(path, { readOnly: true, timeout: databaseBusyTimeoutMs });
}

/** The format of a journal, if this version reads it. Throws DISK_FAILED. */
export function checkReadable(database: DatabaseSync): void {
  const found = readFormat(database);
  if (found !== formatVersion) throw otherFormat(found);
}

function readFormat(database: DatabaseSync): string | null {
  try {
    return readMeta(database, "format");
  } catch (error) {
    const message = `${database.location()} is no journal: ${(error as Error).message}`;
    throw new CapstanError("DISK_FAILED", message, { cause: error });
  }
}

function checkFormat(database: DatabaseSync): void {
  const found = readMeta(database, "format");
  if (found === null) writeMeta(database, "format", formatVersion);
  else if (found !== formatVersion) throw otherFormat(found);
}

function otherFormat(found: string | null): CapstanError {
  return new CapstanError(
    "DISK_FAILED",
    `the journal has format ${found} and this version reads format ${formatVersion}: ` +
      "use the version that wrote it, or another data directory",
  );
}

export function readMeta(database: DatabaseSync, name: string): string | null {
  const row = database.prepare("SELECT value FROM meta WHERE name = ?").get(name);
  return row === undefined ? null : String(row.value);
}

export function writeMeta(database: DatabaseSync, name: string, value: string): void {
  database
    .prepare("INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = ?")
    .run(name, value, value);
}

/** Takes the next epoch. Durable when it returns. */
export function raiseEpoch(database: DatabaseSync): number {
  const epoch = Number(readMeta(database, "epoch") ?? "0") + 1;
  if (epoch > epochMax) {
    // Ids of attempts would repeat. Nobody restarts so often on purpose.
    const message = `the journal was opened ${epochMax} times, which is its limit; start a new one`;
    throw new CapstanError("DISK_FAILED", message);
  }
  writeMeta(database, "epoch", String(epoch));
  return epoch;
}

/** The last journaled sequence; 0 in a new journal. */
export function lastSequence(database: DatabaseSync): number {
  const row = database
    .prepare(
      `SELECT max(coalesce((SELECT max(last) FROM commits), 0),
                  coalesce((SELECT max(sequence) FROM snapshots), 0)) AS last`,
    )
    .get();
  return Number(row?.last ?? 0);
}

export interface CommitRow extends CommitHeader {
  readonly blob: Uint8Array;
}

type StoredCommit = CommitRow & { readonly checksum: number };

/** As they are stored, oldest first; nothing is checked. `condition` is ours, never given. */
function commitRows(
  database: DatabaseSync,
  condition: string,
  bounds: readonly number[],
): Iterable<StoredCommit> {
  const columns = "first, last, epoch, at, checksum, blob";
  const query = `SELECT ${columns} FROM commits WHERE ${condition} ORDER BY last`;
  return database.prepare(query).iterate(...bounds) as unknown as Iterable<StoredCommit>;
}

/** The commits in (after, upTo], oldest first; each checked and following on the one before. */
export function* readCommits(
  database: DatabaseSync,
  after: number,
  upTo: number,
): Generator<CommitRow> {
  let previous = after;
  for (const commit of commitRows(database, "last > ? AND last <= ?", [after, upTo])) {
    checkCommit(commit, commit.checksum, previous);
    previous = commit.last;
    yield commit;
  }
}

function checkCommit(commit: CommitRow, checksum: number, previous: number): void {
  if (commit.first !== previous + 1) {
    throw damaged(`facts ${previous + 1} to ${commit.first - 1} are missing`, previous + 1);
  }
  if (commitChecksum(commit, commit.blob) !== checksum) {
    throw damaged(
      `facts ${commit.first} to ${commit.last} do not match their checksum`,
      commit.first,
    );
  }
}

/** An instant of a journal: the last fact that had happened, and when that was, microseconds. */
export interface JournalInstant {
  readonly sequence: number;
  readonly at: number;
}

/** How far back the journal goes: where it begins, or its oldest snapshot. */
export function oldestInstant(database: DatabaseSync): JournalInstant {
  const commit = database.prepare("SELECT first, at FROM commits ORDER BY last LIMIT 1").get();
  if (commit?.first === 1) return { sequence: 0, at: Number(commit.at) };
  const snapshot = database
    .prepare("SELECT sequence, at FROM snapshots ORDER BY sequence LIMIT 1")
    .get();
  return snapshot === undefined ? { sequence: 0, at: 0 } : instantOf(snapshot);
}

/** The last instant of the journal. */
export function newestInstant(database: DatabaseSync): JournalInstant {
  const [commit] = database
    .prepare("SELECT last AS sequence, at FROM commits ORDER BY last DESC LIMIT 1")
    .all();
  return commit === undefined ? oldestInstant(database) : instantOf(commit);
}

function instantOf(row: { readonly [column: string]: unknown }): JournalInstant {
  return { sequence: Number(row.sequence), at: Number(row.at) };
}

/** The newest snapshot of at most `sequence`, or null. */
export function readSnapshotUpTo(database: DatabaseSync, sequence: number): SnapshotRow | null {
  const row = database
    .prepare("SELECT max(sequence) AS sequence FROM snapshots WHERE sequence <= ?")
    .get(sequence);
  return row?.sequence == null ? null : readSnapshotAt(database, Number(row.sequence));
}

/**
 * The commits that hold facts in (after, upTo], oldest first, each checked. The first may begin
 * earlier, the last may end later.
 */
export function* readCommitsOver(
  database: DatabaseSync,
  after: number,
  upTo: number,
): Generator<CommitRow> {
  let previous = after;
  for (const commit of commitRows(database, "last > ? AND first <= ?", [after, upTo])) {
    const begins = previous === after && commit.first <= after + 1;
    checkCommit(commit, commit.checksum, begins ? commit.first - 1 : previous);
    previous = commit.last;
    yield commit;
  }
  if (previous < upTo) throw damaged(`facts ${previous + 1} to ${upTo} are missing`, previous + 1);
}

/** The newest complete snapshot, or null. */
export interface SnapshotRow {
  readonly sequence: number;
  readonly at: number;
  readonly hash: string;
  readonly bytes: Uint8Array;
}

export function readSnapshot(database: DatabaseSync): SnapshotRow | null {
  return readSnapshotUpTo(database, Number.MAX_SAFE_INTEGER);
}

function readSnapshotAt(database: DatabaseSync, sequence: number): SnapshotRow | null {
  const row = database
    .prepare("SELECT sequence, at, hash, chunks, bytes FROM snapshots WHERE sequence = ?")
    .get(sequence);
  if (row === undefined) return null;
  const bytes = new Uint8Array(Number(row.bytes));
  const chunks = database
    .prepare("SELECT blob FROM snapshot_chunks WHERE sequence = ? ORDER BY position")
    .iterate(sequence);
  let length = 0;
  for (const { blob } of chunks) {
    const chunk = blob as Uint8Array;
    if (length + chunk.length > bytes.length) break;
    bytes.set(chunk, length);
    length += chunk.length;
  }
  if (length !== bytes.length) throw damaged(`snapshot ${sequence} is incomplete`, sequence);
  return { sequence, at: Number(row.at), hash: String(row.hash), bytes };
}
