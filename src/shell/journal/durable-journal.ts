/**
 * The journal in a data directory, as the loop sees it. Facts are encoded on the loop, once, into
 * the blob of the next commit; the journal thread writes one commit at a time, and what comes
 * while it does accumulates:
 *
 *     append ─▶ [next commit] ─▶ thread: one row, fsync ─▶ committed ─▶ onDurable
 *
 * A small commit that the disk takes at once is made by the loop itself, when the thread has
 * nothing to do (`quick-commits.ts`). A failed commit ends everything: nothing after it is ever
 * called durable.
 *
 * @module
 */

import { randomUUID } from "node:crypto";
import { once } from "node:events";
import type { DatabaseSync } from "node:sqlite";
import { Worker } from "node:worker_threads";
import { assert, assertNever } from "../../base/assert.ts";
import type { Micros } from "../../base/time.ts";
import { CapstanError } from "../../model/errors.ts";
import { type DataDirectoryLock, lockDataDirectory } from "./data-directory-lock.ts";
import {
  type JournalInstant,
  journalPath,
  lastSequence,
  oldestInstant,
  openForReading,
  openForWriting,
  raiseEpoch,
  readMeta,
  writeMeta,
} from "./database.ts";
import { DiskReserve } from "./disk-reserve.ts";
import { type CommitHeader, CommitWriter } from "./fact-codec.ts";
import type { FoldKernel, Journal, JournalOptions, Restored } from "./journal.ts";
import type { FromJournalThread, JournalThreadData, ToJournalThread } from "./journal-protocol.ts";
import { pendingCommitBytesMax } from "./limits.ts";
import { checkLog } from "./log-check.ts";
import { QuickCommits } from "./quick-commits.ts";
import { restoreState } from "./restore.ts";
import { SnapshotSchedule } from "./snapshot-schedule.ts";
import { threadModule } from "./thread-module.ts";

/** Locks the directory, makes the new epoch durable and starts the journal thread. */
export async function openDurableJournal<Fact>(
  dataDir: string,
  options: JournalOptions,
): Promise<Journal<Fact>> {
  const lock = lockDataDirectory(dataDir);
  try {
    const identity = identify(dataDir);
    const data: JournalThreadData = { dataDir, epoch: identity.epoch };
    const thread = new Worker(threadModule("./journal-thread", import.meta.url), {
      workerData: data,
      name: "journal",
    });
    await once(thread, "message"); // "ready"; a thread that fails to start rejects this.
    const journal = new DurableJournal<Fact>({ lock, thread, dataDir, options, ...identity });
    await journal.openReserve();
    return journal;
  } catch (error) {
    lock.release();
    throw asDiskFailure(error, "opened");
  }
}

/** What a start reads of the journal before anything else. */
export interface Identity {
  readonly clusterId: string;
  readonly epoch: number;
  readonly sequence: number;
}

/**
 * Opens the file for the first time and makes the new epoch durable. The directory must be locked.
 * Throws DISK_FAILED if the log beside it is damaged.
 */
export function identify(dataDir: string): Identity {
  checkLog(`${journalPath(dataDir)}-wal`);
  const database = openForWriting(dataDir);
  try {
    const clusterId = readMeta(database, "clusterId") ?? newCluster(database);
    return { clusterId, epoch: raiseEpoch(database), sequence: lastSequence(database) };
  } finally {
    database.close();
  }
}

function newCluster(database: DatabaseSync): string {
  const clusterId = randomUUID();
  writeMeta(database, "clusterId", clusterId);
  return clusterId;
}

/** A look at two rows: now and then, since the commits that a snapshot replaced are gone. */
function readOldest(dataDir: string): JournalInstant {
  const database = openForReading(dataDir);
  try {
    return oldestInstant(database);
  } finally {
    database.close();
  }
}

function asDiskFailure(error: unknown, done: string): CapstanError {
  if (error instanceof CapstanError) return error;
  return new CapstanError(
    "DISK_FAILED",
    `the journal could not be ${done}: ${(error as Error).message}`,
    { cause: error },
  );
}

interface DurableJournalParts extends Identity {
  readonly lock: DataDirectoryLock;
  readonly thread: Worker;
  readonly dataDir: string;
  readonly options: JournalOptions;
}

class DurableJournal<Fact> implements Journal<Fact> {
  readonly clusterId: string;
  readonly epoch: number;
  onDurable: Journal<Fact>["onDurable"] = () => undefined;
  onFailure: Journal<Fact>["onFailure"] = () => undefined;
  onNotice: Journal<Fact>["onNotice"] = () => undefined;
  sequence: number;
  durableSequence: number;
  oldest: JournalInstant;
  readonly #lock: DataDirectoryLock;
  readonly #thread: Worker;
  readonly #dataDir: string;
  readonly #reserve: DiskReserve;
  readonly #snapshots: SnapshotSchedule;
  readonly #quick: QuickCommits;
  readonly #next = new CommitWriter();
  #nextFirst = 0;
  #nextAt: Micros = 0;
  #committing = false;
  #failed = false;
  #closing = false;
  #drained: (() => void) | null = null;
  #closed: Promise<void> | null = null;

  constructor({ lock, thread, dataDir, options, ...identity }: DurableJournalParts) {
    this.clusterId = identity.clusterId;
    this.epoch = identity.epoch;
    this.sequence = identity.sequence;
    this.durableSequence = identity.sequence;
    this.oldest = readOldest(dataDir);
    this.#lock = lock;
    this.#thread = thread;
    this.#dataDir = dataDir;
    this.#reserve = new DiskReserve({
      dataDir,
      freeBytes: options.freeBytes,
      onChange: (low, freeBytes) =>
        this.onNotice({ type: low ? "disk-low" : "disk-recovered", freeBytes }),
    });
    this.#snapshots = new SnapshotSchedule({
      dataDir,
      foldModule: options.foldModule,
      afterCommits: options.snapshotAfterCommits,
      write: (snapshot) => this.#say({ type: "write-snapshot", ...snapshot }, snapshot.bytes),
      onNotice: (notice) => this.onNotice(notice),
    });
    this.#quick = new QuickCommits(dataDir);
    thread.on("message", (message: FromJournalThread) => this.#hear(message));
    thread.on("error", (error) => this.#fail(asDiskFailure(error, "written")));
    thread.on("exit", () => this.#onThreadExit());
  }

  openReserve(): Promise<void> {
    return this.#reserve.open();
  }

  get congested(): boolean {
    return this.#next.byteLength > pendingCommitBytesMax;
  }

  get diskLow(): boolean {
    return this.#reserve.low;
  }

  append(facts: readonly Fact[], at: Micros): number {
    assert(!this.#closing, "nothing is appended to a journal that closes");
    if (facts.length === 0 || this.#failed) return this.sequence;
    if (this.#next.byteLength === 0) this.#nextFirst = this.sequence + 1;
    this.#next.pushTurn(facts, at);
    this.#nextAt = at;
    this.sequence += facts.length;
    if (!this.#commitQuickly()) this.#commitNext();
    return this.sequence;
  }

  restore<State>(kernel: FoldKernel<State, Fact>): Restored<State> {
    try {
      return restoreState(this.#dataDir, this.sequence, kernel);
    } catch (error) {
      throw asDiskFailure(error, "read");
    }
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#closing = true;
    this.#reserve.close();
    await this.#snapshots.close();
    if (this.#committing && !this.#failed) {
      await new Promise<void>((resolve) => {
        this.#drained = resolve;
      });
    }
    this.#quick.close();
    this.#say({ type: "close" });
    await once(this.#thread, "exit");
    this.#lock.release();
  }

  /** False if the next commit is for the thread. */
  #commitQuickly(): boolean {
    if (this.#committing || this.#snapshots.isWriting) return false;
    if (!this.#quick.takes(this.#next.byteLength)) return false;
    const { first, last, at, blob } = this.#takeNext();
    try {
      this.#quick.write({ first, last, epoch: this.epoch, at }, blob);
      this.durableSequence = last;
      this.#snapshots.onDurable(last);
    } catch (error) {
      this.#fail(asDiskFailure(error, "written"));
    }
    return true;
  }

  /** Starts the next commit unless one is under way: what waits then goes together. */
  #commitNext(): void {
    if (this.#committing || this.#next.byteLength === 0) return;
    this.#committing = true;
    const commit = this.#takeNext();
    this.#say({ type: "commit", ...commit }, commit.blob);
  }

  #takeNext(): Pick<CommitHeader, "first" | "last" | "at"> & { blob: Uint8Array<ArrayBuffer> } {
    const blob = this.#next.take();
    const last = this.sequence;
    this.#snapshots.onCommit(last, blob.length);
    return { first: this.#nextFirst, last, at: this.#nextAt, blob };
  }

  #hear(message: FromJournalThread): void {
    switch (message.type) {
      case "ready":
        break;
      case "committed":
        this.#quick.onThreadCommit(message.bytes, message.ms);
        this.#onCommitted(message.last);
        break;
      case "commit-failed":
        this.#fail(new CapstanError(message.code, message.message));
        break;
      case "snapshot-written":
        this.oldest = readOldest(this.#dataDir);
        this.#snapshots.onWritten(message.sequence);
        break;
      case "snapshot-failed":
        this.#snapshots.onFailed(message.message);
        break;
      default:
        assertNever(message);
    }
  }

  #onCommitted(last: number): void {
    this.durableSequence = last;
    this.#committing = false;
    this.#commitNext();
    this.#snapshots.onDurable(last);
    this.onDurable(last);
    if (!this.#committing) this.#drained?.();
  }

  #onThreadExit(): void {
    if (this.#closing && !this.#committing) return;
    this.#fail(new CapstanError("DISK_FAILED", "the journal thread ended"));
  }

  #fail(error: CapstanError): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#drained?.();
    this.onFailure(error);
  }

  #say(message: ToJournalThread, owned?: Uint8Array<ArrayBuffer>): void {
    this.#thread.postMessage(message, owned === undefined ? [] : [owned.buffer]);
  }
}
