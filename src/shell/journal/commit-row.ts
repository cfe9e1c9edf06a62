/**
 * How a commit becomes durable: one row, by one statement, which is one transaction. The row is
 * written under its writer's epoch, or not at all.
 *
 * @module
 */

import type { DatabaseSync, StatementSync } from "node:sqlite";
import { CapstanError } from "../../model/errors.ts";
import { type CommitHeader, commitChecksum } from "./fact-codec.ts";

export class CommitRowWriter {
  readonly #insert: StatementSync;

  constructor(database: DatabaseSync) {
    this.#insert = database.prepare(
      `INSERT INTO commits (first, last, epoch, at, checksum, blob) SELECT ?, ?, ?, ?, ?, ?
       WHERE (SELECT value FROM meta WHERE name = 'epoch') = ?`,
    );
  }

  /** Durable when it returns. Throws DISK_FAILED; STALE_EPOCH if another controller took over. */
  write(header: CommitHeader, blob: Uint8Array): void {
    if (this.#run(header, blob) === 1) return;
    const message = "another controller has taken over this data directory";
    throw new CapstanError("STALE_EPOCH", message);
  }

  #run(header: CommitHeader, blob: Uint8Array): number | bigint {
    const { first, last, epoch, at } = header;
    const checksum = commitChecksum(header, blob);
    try {
      return this.#insert.run(first, last, epoch, at, checksum, blob, String(epoch)).changes;
    } catch (error) {
      const message = `the journal could not be written: ${(error as Error).message}`;
      throw new CapstanError("DISK_FAILED", message, { cause: error });
    }
  }
}
