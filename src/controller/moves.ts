/**
 * What all workers together did with values since this controller began: counts that only rise,
 * also when workers go. Each heartbeat says what its process did since it began.
 *
 * @module
 */

import type { WorkerMemory } from "../protocol/messages.ts";

export type Moves = {
  -readonly [M in keyof Omit<WorkerMemory, "rssBytes" | "spilledBytes">]: number;
};

const names = [
  "spillCount",
  "loadCount",
  "spillFailureCount",
  "fetchCount",
  "fetchedBytes",
] as const;

export function noMoves(): Moves {
  return { spillCount: 0, loadCount: 0, spillFailureCount: 0, fetchCount: 0, fetchedBytes: 0 };
}

/** A process that began anew says less than the one before it. */
export function countMoves(moves: Moves, before: WorkerMemory, after: WorkerMemory): void {
  for (const name of names) moves[name] += Math.max(0, after[name] - before[name]);
}
