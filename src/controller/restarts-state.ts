/**
 * Restarts that go on: what they end, how far they have come, and who waits for their end.
 *
 * @module
 */

import type { ClientIndex } from "./events.ts";

/** In the place of a session: the restart is that of the cluster. */
export const everySession: ClientIndex = -1;

/** A restart that was accepted and is not over. */
export interface Restarting {
  /** The session that is restarted, or `everySession`. */
  readonly client: ClientIndex;
  readonly by: string;
  /** "" for none. */
  readonly reason: string;
  /** Tasks of this place in the order of submission and above came later. */
  readonly before: number;
  /** Handles of the session of this number and above came later; 0 for the cluster. */
  readonly below: number;
}

/**
 * How far a restart has come; volatile. Whoever begins anew passes over what has ended so.
 *
 * Only the code of the walk writes here: nothing but the restart itself reads it.
 */
export interface RestartWalk {
  /** Rows below it were looked at. */
  cursor: number;
  /** Rows that come before those from the cursor on. What reads a value lies above its task. */
  readonly stack: number[];
  /** By row: the generation of its task, and `verdict` bits. */
  verdicts: Uint32Array;
  /** Calls of the API that wait for the end. */
  readonly calls: number[];
  readonly counts: RestartCounts;
}

/** What the answer to the calls says. */
export interface RestartCounts {
  taskCount: number;
  valueCount: number;
  lockCount: number;
  sessionCount: number;
}

export function newRestartWalk(): RestartWalk {
  return {
    cursor: 0,
    stack: [],
    verdicts: new Uint32Array(0),
    calls: [],
    counts: { taskCount: 0, valueCount: 0, lockCount: 0, sessionCount: 0 },
  };
}
