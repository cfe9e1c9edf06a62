/**
 * A journal as bytes, to be cut and damaged, and what a start makes of it: the same functions as a
 * controller's, with the kernel's own facts.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { foldKernel } from "../../../src/shell/controller-process/controller-fold.ts";
import { openForReading, readCommits } from "../../../src/shell/journal/database.ts";
import { identify } from "../../../src/shell/journal/durable-journal.ts";
import { restoreState } from "../../../src/shell/journal/restore.ts";

/** The two files of a journal. */
export interface JournalImage {
  readonly main: Buffer;
  readonly log: Buffer;
}

/** What a start made of an image. */
export type Recovery =
  | { readonly type: "recovered"; readonly sequence: number; readonly hash: string }
  | { readonly type: "refused"; readonly message: string };

/** A place where images are started from, one after another. */
export class RecoveryBench {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Starts from it; what comes back is compared by the facts themselves. */
  recover({ main, log }: JournalImage): Recovery {
    this.#place(main, log);
    try {
      const { sequence } = identify(this.#directory);
      return { type: "recovered", sequence, hash: this.#hashAt(sequence) };
    } catch (error) {
      return { type: "refused", message: (error as Error).message }; // As a controller's start.
    }
  }

  /** Folds what the last `recover` has found, as a controller does; throws if that cannot be. */
  fold(sequence: number): void {
    restoreState(this.#directory, sequence, foldKernel);
  }

  /** The facts that an undamaged image holds up to a sequence, as a hash. */
  hashesOf({ main, log }: JournalImage): (sequence: number) => string {
    const bench = new RecoveryBench(`${this.#directory}-whole`);
    bench.#place(main, log);
    identify(bench.#directory);
    const known = new Map<number, string>();
    return (sequence) => {
      const hash = known.get(sequence) ?? bench.#hashAt(sequence);
      known.set(sequence, hash);
      return hash;
    };
  }

  #hashAt(sequence: number): string {
    const database = openForReading(this.#directory);
    const hash = createHash("sha256");
    try {
      for (const { first, last, epoch, at, blob } of readCommits(database, 0, sequence)) {
        hash.update(`${first} ${last} ${epoch} ${at} `).update(blob);
      }
      return hash.digest("hex");
    } finally {
      database.close();
    }
  }

  #place(main: Buffer, log: Buffer): void {
    rmSync(this.#directory, { recursive: true, force: true });
    mkdirSync(this.#directory, { recursive: true });
    writeFileSync(join(this.#directory, "journal.sqlite"), main);
    writeFileSync(join(this.#directory, "journal.sqlite-wal"), log);
  }
}

/** The image in a data directory whose controller is gone; the log ends with its last commit. */
export function readImage(directory: string): JournalImage {
  const main = readFileSync(join(directory, "journal.sqlite"));
  const log = readFileSync(join(directory, "journal.sqlite-wal"));
  return { main, log: log.subarray(0, commitEnds(log).at(-1) ?? 0) };
}

const headerBytes = 32;
const frameHeaderBytes = 24;

/**
 * Where each commit of a log ends, in bytes. Frames of logs before it, and those that were written
 * to give it its length, carry another salt or end no commit.
 */
export function commitEnds(log: Buffer): readonly number[] {
  const frameBytes = frameHeaderBytes + log.readUInt32BE(8);
  const salt = log.subarray(16, 24);
  const ends: number[] = [];
  for (let at = headerBytes; at + frameBytes <= log.length; at += frameBytes) {
    if (!log.subarray(at + 8, at + 16).equals(salt)) break;
    if (log.readUInt32BE(at + 4) !== 0) ends.push(at + frameBytes);
  }
  return ends;
}

/** A copy with one bit turned. */
export function flipBit(bytes: Buffer, bit: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[bit >> 3] ^= 1 << (bit & 7);
  return copy;
}
