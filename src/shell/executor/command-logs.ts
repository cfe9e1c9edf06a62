/**
 * The logs of commands that run here or ran here, page by page.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { join } from "node:path";
import type { LogPage, LogQuery, LogSource } from "../data-plane/log-route.ts";
import { readLog } from "../launcher/log-reader.ts";

const nothingWritten: LogPage = { lines: [], cursor: "", droppedBytes: 0, complete: true };

export class CommandLogs implements LogSource {
  /** Attempts of which nothing is kept, because they wrote nothing. */
  wasSilent: (attemptId: string) => boolean = () => false;
  readonly #attemptsDirectory: string;

  constructor(attemptsDirectory: string) {
    this.#attemptsDirectory = attemptsDirectory;
  }

  /** Null if nothing is known of the attempt: it never was here, or was forgotten. */
  async readLog(attemptId: string, query: LogQuery): Promise<LogPage | null> {
    const directory = join(this.#attemptsDirectory, attemptId, "logs");
    if (existsSync(directory)) return readLog({ directory, ...query });
    return this.wasSilent(attemptId) ? nothingWritten : null;
  }
}
