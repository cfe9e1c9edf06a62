/**
 * The state that a journal holds: the newest snapshot, then every commit after it, in order.
 * Whatever does not fit together (a gap, a wrong checksum, a snapshot with another hash) stops the
 * start with the sequence and what to do; nothing is skipped or guessed.
 *
 * @module
 */

import { createHash } from "node:crypto";
import type { DatabaseSync } from "node:sqlite";
import { damaged } from "./damage.ts";
import { openForReading, readCommits, readSnapshot, type SnapshotRow } from "./database.ts";
import { decodePlain, decodeTurns } from "./fact-codec.ts";
import type { FoldKernel, Restored } from "./journal.ts";

export function restoreState<State, Fact>(
  dataDir: string,
  upTo: number,
  kernel: FoldKernel<State, Fact>,
): Restored<State> {
  const database = openForReading(dataDir);
  try {
    const snapshot = checkedSnapshot(database);
    const state =
      snapshot === null ? kernel.newState() : kernel.stateOf(decodePlain(snapshot.bytes));
    const start = snapshot?.sequence ?? 0;
    let at = snapshot?.at ?? 0;
    let facts = 0;
    for (const commit of readCommits(database, start, upTo)) {
      facts += applyCommit<State, Fact>(commit.blob, state, kernel);
      at = commit.at;
    }
    return { state, at, facts, snapshotSequence: start };
  } finally {
    database.close();
  }
}

function applyCommit<State, Fact>(
  blob: Uint8Array,
  state: State,
  kernel: FoldKernel<State, Fact>,
): number {
  let facts = 0;
  for (const turn of decodeTurns<Fact>(blob)) {
    for (const fact of turn.facts) kernel.apply(state, fact);
    facts += turn.facts.length;
  }
  return facts;
}

function checkedSnapshot(database: DatabaseSync): SnapshotRow | null {
  const snapshot = readSnapshot(database);
  if (snapshot === null) return null;
  const hash = createHash("sha256").update(snapshot.bytes).digest("hex");
  if (hash === snapshot.hash) return snapshot;
  throw damaged(`snapshot ${snapshot.sequence} does not match its hash`, snapshot.sequence);
}
