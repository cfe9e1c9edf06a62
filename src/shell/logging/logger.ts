/**
 * Structured logs: one JSON object a line, on stderr. A line is about a process, a worker or a
 * client that changed; never about a task, of which there are millions.
 *
 * @module
 */

import { type DestinationStream, destination, type Logger, pino, stdTimeFunctions } from "pino";
import { CapstanError } from "../../model/errors.ts";

export type { Logger } from "pino";

export const logLevels = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;
export type LogLevel = (typeof logLevels)[number];

export interface LoggerOptions {
  /** What the process is, in every line: `"controller"`, `"worker"`. */
  readonly name: string;
  /** Default `"info"`. */
  readonly level?: LogLevel;
  /** Default: stderr. */
  readonly to?: DestinationStream;
}

/** Lines are written before the call returns: the last one before an exit is never lost. */
export function createLogger({ name, level = "info", to }: LoggerOptions): Logger {
  return pino(
    {
      name,
      level,
      base: { pid: process.pid },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    to ?? standardError(),
  );
}

/** Bytes of lines that wait while they cannot be written; past it further lines are dropped. */
const waitingBytesMax = 1024 * 1024;

/** A disk that is full costs lines, and never the process: the next line tries again. */
function standardError(): DestinationStream {
  const stream = destination({ dest: 2, sync: true, maxLength: waitingBytesMax });
  stream.on("error", () => undefined);
  return stream;
}

/** The level that `value` names. Throws INVALID_ARGUMENT naming the field and the choices. */
export function parseLogLevel(field: string, value: unknown): LogLevel {
  const level = logLevels.find((known) => known === value);
  if (level !== undefined) return level;
  throw new CapstanError(
    "INVALID_ARGUMENT",
    `${field}: ${JSON.stringify(value)} is not a log level; one of ${logLevels.join(", ")}`,
  );
}
