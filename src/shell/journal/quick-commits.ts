/**
 * Small commits that the loop makes itself, while the disk is quick. To hand a commit to the thread
 * and to hear that it is durable costs two wake-ups, as much as the disk takes: a lone task waits
 * for them twice. A commit that is large, or a disk that is slow, is for the thread: the loop would
 * stand still.
 *
 * It must not fold the log into the file, which takes long: that is left to a commit of the thread,
 * which is asked for one now and then.
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";
import { CommitRowWriter } from "./commit-row.ts";
import { openForWriting } from "./database.ts";
import type { CommitHeader } from "./fact-codec.ts";
import { quickCommitBytesMax, quickCommitMsMax, quickCommitsInRowMax } from "./limits.ts";

/** How much the last small commit counts in the mean of how long they take. */
const newestShare = 1 / 8;

export class QuickCommits {
  readonly #database: DatabaseSync;
  readonly #rows: CommitRowWriter;
  readonly #nowMs: () => number;
  #meanMs = 0;
  #inRow = 0;

  /** The thread must have opened the journal: this connection is never the only one. */
  constructor(dataDir: string, nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
    this.#database = openForWriting(dataDir);
    this.#database.exec("PRAGMA wal_autocheckpoint = 0");
    this.#rows = new CommitRowWriter(this.#database);
  }

  /** Whether a commit of `bytes` may be made here, while the thread does nothing. */
  takes(bytes: number): boolean {
    if (bytes > quickCommitBytesMax || this.#meanMs > quickCommitMsMax) return false;
    return this.#inRow < quickCommitsInRowMax;
  }

  /** Durable when it returns. Throws like `CommitRowWriter`. */
  write(header: CommitHeader, blob: Uint8Array): void {
    const startedMs = this.#nowMs();
    this.#rows.write(header, blob);
    this.#inRow++;
    this.#learn(this.#nowMs() - startedMs);
  }

  /** The thread has made a commit of `bytes` in `ms`. */
  onThreadCommit(bytes: number, ms: number): void {
    this.#inRow = 0;
    if (bytes <= quickCommitBytesMax) this.#learn(ms);
  }

  /** Before the thread closes: the last connection folds the log. */
  close(): void {
    this.#database.close();
  }

  #learn(ms: number): void {
    this.#meanMs += (ms - this.#meanMs) * newestShare;
  }
}
