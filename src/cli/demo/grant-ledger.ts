/**
 * The books of some workers, kept again by somebody else: from the stories of tasks, which say when
 * an attempt was assigned and when it ended, what every worker has given away at every moment.
 *
 * @module
 */

import type { EventView } from "../responses.ts";

/** What the stories say of one worker. */
export interface WorkerBook {
  readonly workerId: string;
  /** Attempts on it that had not ended, after each entry. */
  readonly levels: readonly number[];
  /** How often the level came down to zero. */
  readonly returnsToZero: number;
}

/** What the stories say of all of them. */
export interface Ledger {
  readonly books: ReadonlyMap<string, WorkerBook>;
  /** Attempts that ended more than once, or without having been assigned. There are none. */
  readonly wrongEnds: readonly string[];
}

interface Entry {
  readonly atMs: number;
  readonly change: 1 | -1;
  readonly workerId: string;
}

/** Keeps the books of these stories. An end goes before a beginning of the same millisecond. */
export function keepLedger(stories: readonly (readonly EventView[])[]): Ledger {
  const events = stories.flat();
  const entries = [...entriesOf(events, "assigned", 1), ...entriesOf(events, "ended", -1)];
  entries.sort((a, b) => a.atMs - b.atMs || a.change - b.change);
  const books = new Map<string, WorkerBook>();
  for (const { workerId, change } of entries) {
    const { levels = [], returnsToZero = 0 } = books.get(workerId) ?? {};
    const level = (levels.at(-1) ?? 0) + change;
    const returns = returnsToZero + (level === 0 && change === -1 ? 1 : 0);
    books.set(workerId, { workerId, levels: [...levels, level], returnsToZero: returns });
  }
  return { books, wrongEnds: wrongEndsOf(events) };
}

function entriesOf(events: readonly EventView[], type: string, change: 1 | -1): Entry[] {
  return events
    .filter((event) => event.type === type)
    .map(({ at, workerId }) => ({ atMs: Date.parse(at), change, workerId: String(workerId) }));
}

function wrongEndsOf(events: readonly EventView[]): readonly string[] {
  const open = new Set(attemptsOf(events, "assigned"));
  return attemptsOf(events, "ended").filter((attemptId) => !open.delete(attemptId));
}

function attemptsOf(events: readonly EventView[], type: string): readonly string[] {
  return events.filter((event) => event.type === type).map(({ attemptId }) => String(attemptId));
}
