/**
 * The journal: what the controller promised to remember. Facts are handed in once a turn, become
 * durable in order, and are folded back at the next start. Without a data directory it is in
 * memory: durable at once, gone with the process.
 *
 * @module
 */

import type { Micros } from "../../base/time.ts";
import type { CapstanError } from "../../model/errors.ts";
import type { JournalInstant } from "./database.ts";
import { openDurableJournal } from "./durable-journal.ts";
import { MemoryJournal } from "./memory-journal.ts";

/** The fold of a kernel's facts, as restore and snapshots need it. */
export interface FoldKernel<State, Fact> {
  newState(): State;
  apply(state: State, fact: Fact): void;
  /** Plain data with typed arrays: the whole durable state. */
  snapshotOf(state: State): unknown;
  stateOf(snapshot: unknown): State;
}

/** A state folded from the journal. */
export interface Restored<State> {
  readonly state: State;
  /** The last journaled time; 0 in a new journal. */
  readonly at: Micros;
  readonly facts: number;
  /** The sequence of the snapshot that the fold began with; 0 for none. */
  readonly snapshotSequence: number;
}

export interface Journal<Fact> {
  /** Made once per data directory. */
  readonly clusterId: string;
  /** New at every open, and durable before `openJournal` returns. */
  readonly epoch: number;
  /** The number of the last fact handed in; facts count from 1. */
  readonly sequence: number;
  readonly durableSequence: number;
  /** How far back it goes; null for one in memory, which forgets. */
  readonly oldest: JournalInstant | null;
  /** More waits for the disk than the bound allows: take no new work until it has drained. */
  readonly congested: boolean;
  /** The disk is nearly full: refuse new submits, let what was accepted go on. */
  readonly diskLow: boolean;
  /** Hands in the facts of one turn and returns the sequence of the last of them. */
  append(facts: readonly Fact[], at: Micros): number;
  /** Called when everything up to `sequence` is durable, never from inside `append`. */
  onDurable: (sequence: number) => void;
  /** Called once: nothing more will become durable. The process ends with exit code 74. */
  onFailure: (error: CapstanError) => void;
  /** Something that people should know and that stops nothing. */
  onNotice: (notice: JournalNotice) => void;
  /** Folds snapshot and commits. Before the first `append`. Throws DISK_FAILED on damage. */
  restore<State>(kernel: FoldKernel<State, Fact>): Restored<State>;
  /** Makes what was handed in durable, then lets go of the data directory. */
  close(): Promise<void>;
}

export type JournalNotice =
  | { readonly type: "snapshot-written"; readonly sequence: number; readonly bytes: number }
  | { readonly type: "snapshot-failed"; readonly message: string }
  | { readonly type: "disk-low"; readonly freeBytes: number }
  | { readonly type: "disk-recovered"; readonly freeBytes: number };

export interface JournalOptions {
  /** Null or absent: a journal in memory. */
  readonly dataDir?: string | null;
  /** URL of a module that exports `foldKernel`; without one no snapshots are made. */
  readonly foldModule?: URL;
  /** Free bytes of the data directory's disk. Default: asked of the operating system. */
  readonly freeBytes?: () => Promise<number>;
  /** For tests: other bounds than those of `limits.ts`. */
  readonly snapshotAfterCommits?: number;
}

/**
 * Opens the journal for this process alone. Throws DATA_DIRECTORY_IN_USE when another controller
 * has it, DISK_FAILED when it cannot be read or written.
 */
export async function openJournal<Fact>(options: JournalOptions = {}): Promise<Journal<Fact>> {
  const { dataDir } = options;
  if (dataDir === undefined || dataDir === null) return new MemoryJournal<Fact>();
  return openDurableJournal<Fact>(dataDir, options);
}
