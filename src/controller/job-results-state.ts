/**
 * What functions of launched jobs have returned, as far as it is small: kept with their tasks,
 * durable, up to a bound.
 *
 * @module
 */

import { resultOverheadBytes, resultsBytesMax } from "./limits.ts";

/** What one task has returned, the latest time that it succeeded. */
export interface JobResult {
  readonly sizeBytes: number;
  /** Null for what is too large to be kept. */
  readonly bytes: Uint8Array | null;
}

export interface JobResults {
  /** By row of the task, the oldest first. */
  readonly byTask: Map<number, JobResult>;
  /** With `resultOverheadBytes` for each. */
  totalBytes: number;
}

export function newJobResults(): JobResults {
  return { byTask: new Map(), totalBytes: 0 };
}

/** What a result counts for. */
export function costOf({ bytes }: JobResult): number {
  return resultOverheadBytes + (bytes?.length ?? 0);
}

/** In the place of what the task had returned before; past the bound the oldest leave. */
export function keepResult(
  results: JobResults,
  task: number,
  result: JobResult,
  totalBytesMax = resultsBytesMax,
): void {
  dropResult(results, task);
  results.byTask.set(task, result);
  results.totalBytes += costOf(result);
  for (const oldest of results.byTask.keys()) {
    if (results.totalBytes <= totalBytesMax) return;
    dropResult(results, oldest);
  }
}

export function dropResult(results: JobResults, task: number): void {
  if (results.byTask.size === 0) return;
  const result = results.byTask.get(task);
  if (result === undefined) return;
  results.byTask.delete(task);
  results.totalBytes -= costOf(result);
}
