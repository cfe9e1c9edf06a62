/**
 * A dump: a journal's file to give away. It has the oldest snapshot, every commit since, and who
 * wrote it when; nothing in it that must not leave the cluster. `capstan replay` opens it.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { DatabaseSync } from "node:sqlite";
import type { DurableFact } from "../../controller/facts.ts";
import { redactFact, redactSnapshot } from "../../controller/redact-journal.ts";
import type { Snapshot } from "../../controller/snapshot.ts";
import {
  createJournal,
  newestInstant,
  oldestInstant,
  readCommitsOver,
  readMeta,
  readSnapshotUpTo,
  writeMeta,
} from "../journal/database.ts";
import {
  CommitWriter,
  commitChecksum,
  decodePlain,
  decodeTurns,
  encodePlain,
} from "../journal/fact-codec.ts";
import { snapshotChunkBytes } from "../journal/limits.ts";

/** Who wrote a dump: the entry `dump` of its table of names, as JSON. */
export interface DumpAbout {
  /** RFC 3339. */
  readonly at: string;
  /** The release of the controller. */
  readonly version: string;
  readonly node: string;
  readonly platform: string;
  readonly clusterId: string;
  readonly epoch: number;
  /** The bounds of the controller's kernel, by name. */
  readonly limits: { readonly [name: string]: number };
}

/** A state that is in no journal. */
export interface LiveState {
  readonly sequence: number;
  /** Microseconds. */
  readonly at: number;
  /** Its snapshot, encoded. */
  readonly image: Uint8Array;
}

const dumpName = "dump";

/** Writes the dump of a journal. `source` is one that nobody else uses. */
export function dumpJournal(source: DatabaseSync, path: string, about: DumpAbout): void {
  source.exec("BEGIN"); // From here on it is what it was, however the writer goes on.
  const dump = openDump(path, about);
  try {
    const oldest = oldestInstant(source);
    const snapshot = readSnapshotUpTo(source, oldest.sequence);
    if (snapshot !== null) writeSnapshot(dump, { ...snapshot, image: snapshot.bytes });
    const insert = dump.prepare("INSERT INTO commits VALUES (?, ?, ?, ?, ?, ?)");
    for (const commit of readCommitsOver(source, oldest.sequence, newestInstant(source).sequence)) {
      const blob = redactedBlob(commit.blob);
      const { first, last, epoch, at } = commit;
      insert.run(last, first, epoch, at, commitChecksum(commit, blob), blob);
    }
    dump.exec("COMMIT");
  } finally {
    dump.close();
    source.exec("ROLLBACK");
  }
}

/** Writes the dump of a state that has no journal: one instant. */
export function dumpState(state: LiveState, path: string, about: DumpAbout): void {
  const dump = openDump(path, about);
  try {
    writeSnapshot(dump, state);
    dump.exec("COMMIT");
  } finally {
    dump.close();
  }
}

/** Who wrote the file; null of a journal that is no dump. */
export function dumpAbout(database: DatabaseSync): DumpAbout | null {
  const text = readMeta(database, dumpName);
  return text === null ? null : (JSON.parse(text) as DumpAbout);
}

function openDump(path: string, about: DumpAbout): DatabaseSync {
  const dump = new DatabaseSync(path);
  // Nobody reads it before it is whole, and what is not whole is thrown away.
  dump.exec("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF");
  createJournal(dump);
  dump.exec("BEGIN");
  writeMeta(dump, "clusterId", about.clusterId);
  writeMeta(dump, "epoch", String(about.epoch));
  writeMeta(dump, dumpName, JSON.stringify(about));
  return dump;
}

function writeSnapshot(dump: DatabaseSync, { sequence, at, image }: LiveState): void {
  const bytes = encodePlain(redactSnapshot(decodePlain(image) as Snapshot));
  const hash = createHash("sha256").update(bytes).digest("hex");
  const insert = dump.prepare("INSERT INTO snapshot_chunks VALUES (?, ?, ?)");
  const chunks = Math.ceil(bytes.length / snapshotChunkBytes);
  for (let position = 0; position < chunks; position++) {
    const start = position * snapshotChunkBytes;
    insert.run(sequence, position, bytes.subarray(start, start + snapshotChunkBytes));
  }
  const row = dump.prepare("INSERT INTO snapshots VALUES (?, ?, ?, ?, ?)");
  row.run(sequence, at, hash, chunks, bytes.length);
}

function redactedBlob(blob: Uint8Array): Uint8Array {
  const writer = new CommitWriter();
  for (const { at, facts } of decodeTurns<DurableFact>(blob)) {
    writer.pushTurn(facts.map(redactFact), at);
  }
  return writer.take();
}
