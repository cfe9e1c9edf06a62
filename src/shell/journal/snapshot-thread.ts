/**
 * Folds a new snapshot: the last one, then the commits after it, with the same `apply` as the
 * controller; proves it by decoding what it made and folding that into the same bytes again. It
 * lives for one snapshot, reads on its own connection and never touches the loop.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { parentPort, workerData } from "node:worker_threads";
import { present } from "../../base/assert.ts";
import { openForReading, readCommits, readSnapshot } from "./database.ts";
import { decodePlain, decodeTurns, encodePlain } from "./fact-codec.ts";
import type { FoldKernel } from "./journal.ts";

export interface SnapshotThreadData {
  readonly dataDir: string;
  /** A module that exports `foldKernel: FoldKernel`. */
  readonly foldModule: string;
  /** The snapshot holds exactly the facts up to this sequence. */
  readonly upTo: number;
}

export interface FoldedSnapshot {
  readonly sequence: number;
  readonly at: number;
  /** SHA-256 of the bytes, hex. */
  readonly hash: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

const port = present(parentPort, "the snapshot thread runs as a worker thread");
const data = workerData as SnapshotThreadData;
const { foldKernel } = (await import(data.foldModule)) as {
  readonly foldKernel: FoldKernel<unknown, unknown>;
};

const folded = fold();
verify(folded.bytes);
port.postMessage(folded, [folded.bytes.buffer]);

function fold(): FoldedSnapshot {
  const database = openForReading(data.dataDir);
  const base = readSnapshot(database);
  const state = base === null ? foldKernel.newState() : foldKernel.stateOf(decodePlain(base.bytes));
  let at = base?.at ?? 0;
  for (const commit of readCommits(database, base?.sequence ?? 0, data.upTo)) {
    at = commit.at;
    for (const turn of decodeTurns(commit.blob)) {
      for (const fact of turn.facts) foldKernel.apply(state, fact);
    }
  }
  database.close();
  const bytes = encodePlain(foldKernel.snapshotOf(state));
  return { sequence: data.upTo, at, hash: hashOf(bytes), bytes };
}

/** A snapshot that does not come back as itself is never written. */
function verify(bytes: Uint8Array): void {
  const again = encodePlain(foldKernel.snapshotOf(foldKernel.stateOf(decodePlain(bytes))));
  if (hashOf(again) !== hashOf(bytes)) {
    throw new Error("the snapshot does not decode into the state that it was made from");
  }
}

function hashOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
