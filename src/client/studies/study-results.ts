/**
 * What a study tells: how far it is, and what came of each set.
 *
 * @module
 */

import type { RecordedFailure } from "./study-record.ts";

/**
 * How far a set is. `PARTIAL` is a success with fewer replicates than were asked for; `FAILED` is
 * fewer than the quorum, or an aggregation that failed.
 */
export type SetState = "WAITING" | "RUNNING" | "AGGREGATING" | "SUCCEEDED" | "PARTIAL" | "FAILED";

/** A replicate without a value, and why. */
export interface ReplicateFailure extends RecordedFailure {
  readonly replicate: number;
  readonly seed: number;
}

/** One parameter set, as far as it is. */
export interface SetResult<P = unknown, V = unknown> {
  /** BLAKE2b-256 of the canonical JSON of `parameters`, hex. */
  readonly id: string;
  /** Its place in the study, from 0. */
  readonly index: number;
  readonly parameters: P;
  readonly state: SetState;
  /** Replicates with a value. */
  readonly succeeded: number;
  /** Replicates without one. */
  readonly failed: number;
  /** Of those that succeeded: found in the record and not computed by this run. */
  readonly reused: number;
  /** The aggregate; null unless `SUCCEEDED` or `PARTIAL`. */
  readonly value: V | null;
  /** Why there is no aggregate: "" unless `FAILED`. */
  readonly error: string;
  /** The first 20 of the replicates that failed, by number. */
  readonly failures: readonly ReplicateFailure[];
}

/** How far a study is. Counts of this run and what it found in the record. */
export interface StudyProgress {
  readonly sets: number;
  readonly setsSucceeded: number;
  readonly setsPartial: number;
  readonly setsFailed: number;
  readonly replicates: number;
  readonly replicatesSucceeded: number;
  readonly replicatesFailed: number;
  /** Of those that succeeded: found in the record. */
  readonly replicatesReused: number;
  /** Submitted and not ended. */
  readonly replicatesOpen: number;
  readonly aggregations: number;
  readonly aggregationsSucceeded: number;
  readonly aggregationsFailed: number;
  /** Why the cluster takes no more replicates for now, such as a quota; "" if it does. */
  readonly refusal: string;
}
