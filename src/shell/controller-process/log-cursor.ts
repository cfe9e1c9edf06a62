/**
 * The cursor of FetchLogs: how far each log was read, as one opaque text. A log is read to its end,
 * or up to a place of its worker's own cursor and so many lines past it: those were read from the
 * worker and told before, merged with the lines of other logs.
 *
 * @module
 */

import { z } from "zod";
import { CapstanError } from "../../model/errors.ts";

/** How far one log was read. */
export interface LogPosition {
  /** The worker's cursor: "" is the beginning. */
  readonly cursor: string;
  /** Lines past it that were told already. */
  readonly skip: number;
  /** Nothing more will come of it. */
  readonly done: boolean;
}

/** By attempt id. */
export type LogPositions = ReadonlyMap<string, LogPosition>;

export const logBeginning: LogPosition = { cursor: "", skip: 0, done: false };

/** 0 for a log that was read to its end; else the worker's cursor, and the lines past it. */
const written = z.record(
  z.string(),
  z.union([z.literal(0), z.tuple([z.string(), z.int().min(0)])]),
);

export function formatLogCursor(positions: LogPositions): string {
  const entries = [...positions].map(([attemptId, { cursor, skip, done }]) => {
    return [attemptId, done ? 0 : [cursor, skip]] as const;
  });
  return Buffer.from(JSON.stringify(Object.fromEntries(entries))).toString("base64url");
}

/** Throws INVALID_ARGUMENT for what was not made by `formatLogCursor`. */
export function parseLogCursor(text: string): LogPositions {
  if (text === "") return new Map();
  const parsed = written.safeParse(parseJson(Buffer.from(text, "base64url").toString("utf8")));
  if (!parsed.success) {
    throw new CapstanError(
      "INVALID_ARGUMENT",
      "cursor: expected the cursor of an answer before, or nothing to begin anew",
    );
  }
  const positions = new Map<string, LogPosition>();
  for (const [attemptId, position] of Object.entries(parsed.data)) {
    if (position === 0) positions.set(attemptId, { ...logBeginning, done: true });
    else positions.set(attemptId, { cursor: position[0], skip: position[1], done: false });
  }
  return positions;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
