/**
 * Writes a snapshot into the journal's file in slices between commits, and then deletes, in slices
 * too, what is older than the snapshot before it. The snapshot counts from the moment its own row
 * is there; until then its chunks mean nothing and a later start deletes them.
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";
import type { ToJournalThread } from "./journal-protocol.ts";
import { deleteSliceRows, snapshotChunkBytes } from "./limits.ts";

type SnapshotOrder = Extract<ToJournalThread, { type: "write-snapshot" }>;

export interface SnapshotWriterEvents {
  readonly onWritten: (sequence: number) => void;
  readonly onFailed: (message: string) => void;
}

export class SnapshotWriter {
  readonly #database: DatabaseSync;
  readonly #events: SnapshotWriterEvents;
  #slices: Iterator<void> | null = null;

  constructor(database: DatabaseSync, events: SnapshotWriterEvents) {
    this.#database = database;
    this.#events = events;
  }

  /** One at a time: the loop orders the next only after this one was answered. */
  begin(order: SnapshotOrder): void {
    this.#slices = this.#write(order);
    setImmediate(() => this.#advance());
  }

  cancel(): void {
    this.#slices = null;
  }

  #advance(): void {
    if (this.#slices === null) return;
    try {
      if (this.#slices.next().done === true) this.#slices = null;
      else setImmediate(() => this.#advance());
    } catch (error) {
      this.#slices = null;
      this.#events.onFailed((error as Error).message);
    }
  }

  *#write(order: SnapshotOrder): Generator<void> {
    const { sequence, at, hash, bytes } = order;
    yield* this.#deleteStrayChunks();
    const insert = this.#database.prepare("INSERT INTO snapshot_chunks VALUES (?, ?, ?)");
    const chunks = Math.ceil(bytes.length / snapshotChunkBytes);
    for (let position = 0; position < chunks; position++) {
      const start = position * snapshotChunkBytes;
      insert.run(sequence, position, bytes.subarray(start, start + snapshotChunkBytes));
      yield;
    }
    this.#database
      .prepare("INSERT INTO snapshots VALUES (?, ?, ?, ?, ?)")
      .run(sequence, at, hash, chunks, bytes.length);
    yield* this.#deleteSuperfluous(sequence);
    this.#events.onWritten(sequence);
  }

  /** The snapshot before stays, with all commits since: the past goes as far back. */
  *#deleteSuperfluous(written: number): Generator<void> {
    const sequence = snapshotBefore(this.#database, written);
    this.#database.prepare("DELETE FROM snapshots WHERE sequence < ?").run(sequence);
    yield* this.#deleteStrayChunks();
    const remove = this.#database.prepare(
      `DELETE FROM commits WHERE last IN
         (SELECT last FROM commits WHERE last <= ? ORDER BY last LIMIT ${deleteSliceRows})`,
    );
    while (remove.run(sequence).changes !== 0) yield;
  }

  /** Of snapshots that were deleted, or never became whole. */
  *#deleteStrayChunks(): Generator<void> {
    const remove = this.#database.prepare(
      `DELETE FROM snapshot_chunks WHERE rowid IN
         (SELECT rowid FROM snapshot_chunks
          WHERE sequence NOT IN (SELECT sequence FROM snapshots) LIMIT ${deleteSliceRows})`,
    );
    while (remove.run().changes !== 0) yield;
  }
}

/** The sequence of the snapshot before one; 0, where the journal begins, if there is none. */
function snapshotBefore(database: DatabaseSync, sequence: number): number {
  const row = database
    .prepare("SELECT max(sequence) AS sequence FROM snapshots WHERE sequence < ?")
    .get(sequence);
  return Number(row?.sequence ?? 0);
}
