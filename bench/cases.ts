/**
 * What a benchmark case is.
 *
 * @module
 */

/** Something that can be run again and again and gives one number each time. */
export interface Prepared {
  /** One run. */
  readonly run: () => Promise<number>;
  /** Processes beside this one that do the work. */
  readonly pids: readonly number[];
  readonly close: () => Promise<void>;
  /** Further numbers of the last run, by name. */
  readonly details?: () => { readonly [name: string]: number };
}

/** A benchmark case. */
export interface BenchCase {
  readonly name: string;
  /** Of the number that a run gives. */
  readonly unit: "tasks/s" | "ms" | "s" | "GB/s" | "B/task";
  /** What one run does, for people. */
  readonly what: string;
  readonly prepare: () => Promise<Prepared>;
}

/** What the runs of a case gave. */
export interface CaseResult {
  readonly name: string;
  readonly unit: string;
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly runs: readonly number[];
  /** CPU time of all processes in one run, on average. */
  readonly cpuSeconds: number;
  readonly peakRssBytes: number;
  readonly details: { readonly [name: string]: number };
}
