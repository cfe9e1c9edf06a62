/**
 * How an attempt ended: what the launcher writes to `exit.json` before it tells anybody.
 *
 * @module
 */

import {
  invalidArgument,
  parseBoolean,
  parseInteger,
  parseOneOf,
  parsePlainObject,
} from "../../model/parse-fields.ts";
import { parseAttemptId } from "./launch-order.ts";

export const exitKinds = ["exited", "start-failed", "start-refused", "lost"] as const;
export const stopReasons = ["none", "stopped", "timeout", "lease"] as const;

/**
 * - `exited`: the status below is that of the main process;
 * - `start-failed`: nothing ran; `message` says why;
 * - `start-refused`: the same, and it was for want of something of the machine's: try again;
 * - `lost`: the launcher was restarted while it ran, so its exit status is not known.
 */
export type ExitKind = (typeof exitKinds)[number];

/** What the launcher did before the main process ended; the status is the real one all the same. */
export type StopReason = (typeof stopReasons)[number];

export interface ExitRecord {
  readonly attemptId: string;
  /** That of the order, untouched. */
  readonly tag: unknown;
  /** Of the main process; 0 if nothing was started. */
  readonly pid: number;
  readonly kind: ExitKind;
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** A process of the attempt was killed by the attempt's memory limit. */
  readonly oom: boolean;
  readonly stop: StopReason;
  /** For people; "" when the status says it all. */
  readonly message: string;
  /** Unix milliseconds. */
  readonly startedAtMs: number;
  /** Unix milliseconds: when the last process of the attempt was gone. */
  readonly endedAtMs: number;
  /** Of all processes together where a cgroup counts, else sampled; 0: too short to be measured. */
  readonly peakRssBytes: number;
  /** User and system time; 0: too short to be measured without a cgroup. */
  readonly cpuMs: number;
  readonly stdoutBytes: number;
  readonly stderrBytes: number;
  /** Bytes of the log that were deleted by rotation or could not be written. */
  readonly droppedLogBytes: number;
  /** The last bytes of stderr (`stderrTailBytesMax`), from the beginning of a character. */
  readonly stderrTail: string;
  /** The beginning of stdout, as long as the order allowed. */
  readonly stdoutResult: string;
  /** stdout was longer than the result that is kept. */
  readonly resultTruncated: boolean;
}

/** Throws INVALID_ARGUMENT naming the field. */
export function parseExitRecord(value: unknown): ExitRecord {
  const fields = parsePlainObject("record", value);
  const integer = (name: string) => parseInteger(name, fields[name], 0, Number.MAX_SAFE_INTEGER);
  const text = (name: string) => parseString(name, fields[name]);
  return {
    attemptId: parseAttemptId(fields.attemptId),
    tag: fields.tag ?? null,
    pid: integer("pid"),
    kind: parseOneOf("kind", fields.kind, exitKinds),
    exitCode: fields.exitCode === null ? null : integer("exitCode"),
    signal: fields.signal === null ? null : text("signal"),
    oom: parseBoolean("oom", fields.oom),
    stop: parseOneOf("stop", fields.stop, stopReasons),
    message: text("message"),
    startedAtMs: integer("startedAtMs"),
    endedAtMs: integer("endedAtMs"),
    peakRssBytes: integer("peakRssBytes"),
    cpuMs: integer("cpuMs"),
    stdoutBytes: integer("stdoutBytes"),
    stderrBytes: integer("stderrBytes"),
    droppedLogBytes: integer("droppedLogBytes"),
    stderrTail: text("stderrTail"),
    stdoutResult: text("stdoutResult"),
    resultTruncated: parseBoolean("resultTruncated", fields.resultTruncated),
  };
}

/** Any string, the empty one too. */
export function parseString(field: string, value: unknown): string {
  if (typeof value === "string") return value;
  throw invalidArgument(field, value, "a string");
}
