/**
 * A disk whose fsync is slow or fails, and which forgets all that was not synced: a small library
 * between the controller and its C library, told by files what to do.
 *
 * @module
 */

import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execute, firstObstacle, needPrograms } from "./machine.ts";

const files = ["journal.sqlite", "journal.sqlite-wal"] as const;

export type JournalFile = (typeof files)[number];

/** "" if the library can be made, else why not. */
export function syncShimObstacle(): string {
  const isLinux = process.platform === "linux" ? "" : "needs Linux";
  return firstObstacle(isLinux, needPrograms("cc"));
}

export class SyncShim {
  readonly #directory: string;

  /** Makes the library in `directory`, which must exist. */
  constructor(directory: string) {
    this.#directory = directory;
    mkdirSync(this.#copies, { recursive: true });
    const source = fileURLToPath(new URL("./sync-shim.c", import.meta.url));
    execute("cc", "-shared", "-fPIC", "-O1", "-o", this.#library, source, "-ldl");
    this.behave();
  }

  /** What puts the library between a process and its syncs. */
  get env(): { readonly [name: string]: string } {
    return {
      LD_PRELOAD: this.#library,
      CHAOS_SYNC_CONTROL: this.#control,
      CHAOS_SYNC_LOG: this.#log,
      CHAOS_SYNC_COPIES: this.#copies,
    };
  }

  /** From now on syncs of this file fail with EIO. */
  fail(file: JournalFile): void {
    writeFileSync(this.#control, `fail ${file}`);
  }

  /** From now on each sync of this file takes so much longer. */
  delay(file: JournalFile, ms: number): void {
    writeFileSync(this.#control, `delay ${ms} ${file}`);
  }

  behave(): void {
    writeFileSync(this.#control, "");
  }

  /** Every sync since the last call of `forget`: `"ok journal.sqlite-wal"`. */
  syncs(): readonly string[] {
    return existsSync(this.#log) ? readFileSync(this.#log, "utf8").split("\n").slice(0, -1) : [];
  }

  forget(): void {
    rmSync(this.#log, { force: true });
  }

  /**
   * A power cut: each file of the journal is what its last sync has left. Its process must be gone.
   */
  loseUnsynced(dataDir: string): void {
    rmSync(join(dataDir, "journal.sqlite-shm"), { force: true });
    for (const file of files) {
      const copy = join(this.#copies, file);
      if (existsSync(copy)) copyFileSync(copy, join(dataDir, file));
      else rmSync(join(dataDir, file), { force: true });
    }
  }

  get #library(): string {
    return join(this.#directory, "sync-shim.so");
  }

  get #control(): string {
    return join(this.#directory, "control");
  }

  get #log(): string {
    return join(this.#directory, "syncs");
  }

  get #copies(): string {
    return join(this.#directory, "copies");
  }
}
