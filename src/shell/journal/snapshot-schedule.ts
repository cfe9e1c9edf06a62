/**
 * When a snapshot is made, and by whom: after so many commits or bytes since the last one, by a
 * thread that lives for that snapshot, from what is durable. One at a time. A snapshot that fails
 * is a notice, not a failure: the commits that it would have replaced are all still there.
 *
 *     counting ─▶ folding (thread) ─▶ writing (journal thread) ─▶ counting
 *
 * @module
 */

import { Worker } from "node:worker_threads";
import type { JournalNotice } from "./journal.ts";
import { snapshotAfterBytes, snapshotAfterCommits } from "./limits.ts";
import type { FoldedSnapshot, SnapshotThreadData } from "./snapshot-thread.ts";
import { threadModule } from "./thread-module.ts";

export interface SnapshotScheduleOptions {
  readonly dataDir: string;
  /** Without a fold no snapshot can be made. */
  readonly foldModule: URL | undefined;
  readonly afterCommits: number | undefined;
  readonly write: (snapshot: FoldedSnapshot) => void;
  readonly onNotice: (notice: JournalNotice) => void;
}

export class SnapshotSchedule {
  readonly #options: SnapshotScheduleOptions;
  #phase: "counting" | "folding" | "writing" = "counting";
  #bytes = 0;
  #commits = 0;
  #snapshotBytes = 0;
  #folder: Worker | null = null;
  #closed = false;

  constructor(options: SnapshotScheduleOptions) {
    this.#options = options;
  }

  /** The journal thread writes one: it has the file to itself now and then. */
  get isWriting(): boolean {
    return this.#phase === "writing";
  }

  onCommit(_last: number, bytes: number): void {
    this.#bytes += bytes;
    this.#commits++;
  }

  onDurable(sequence: number): void {
    if (this.#closed || this.#phase !== "counting" || !this.#due()) return;
    this.#bytes = 0;
    this.#commits = 0;
    this.#fold(sequence);
  }

  onWritten(sequence: number): void {
    this.#phase = "counting";
    this.#options.onNotice({ type: "snapshot-written", sequence, bytes: this.#snapshotBytes });
  }

  onFailed(message: string): void {
    this.#phase = "counting";
    this.#options.onNotice({ type: "snapshot-failed", message });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#folder?.terminate();
  }

  #due(): boolean {
    if (this.#options.foldModule === undefined) return false;
    const commitsMax = this.#options.afterCommits ?? snapshotAfterCommits;
    return this.#commits >= commitsMax || this.#bytes >= snapshotAfterBytes;
  }

  #fold(upTo: number): void {
    const { dataDir, foldModule } = this.#options;
    if (foldModule === undefined) return;
    this.#phase = "folding";
    const workerData: SnapshotThreadData = { dataDir, foldModule: foldModule.href, upTo };
    const folder = new Worker(threadModule("./snapshot-thread", import.meta.url), {
      workerData,
      name: "snapshot",
    });
    this.#folder = folder;
    folder.on("message", (snapshot: FoldedSnapshot) => this.#onFolded(snapshot));
    folder.on("error", (error) => this.onFailed(error.message));
    folder.on("exit", () => {
      this.#folder = null;
    });
  }

  #onFolded(snapshot: FoldedSnapshot): void {
    if (this.#closed) return;
    this.#phase = "writing";
    this.#snapshotBytes = snapshot.bytes.length;
    this.#options.write(snapshot);
  }
}
