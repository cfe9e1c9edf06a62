/**
 * The logs of what runs here or ran here in processes of its own, page by page.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { join } from "node:path";
import type { LogPage, LogQuery, LogSource } from "../data-plane/log-route.ts";
import { readLog } from "../launcher/log-reader.ts";

export class CommandLogs implements LogSource {
  /** Attempts of which nothing is kept, because they wrote nothing. */
  wasSilent: (attemptId: string) => boolean = () => false;
  /** Attempts that have nothing yet, because they wrote nothing yet. */
  isShared: (attemptId: string) => boolean = () => false;
  readonly #attemptsDirectory: string;

  constructor(attemptsDirectory: string) {
    this.#attemptsDirectory = attemptsDirectory;
  }

  /** Null if nothing is known of the attempt: it never was here, or was forgotten. */
  async readLog(attemptId: string, query: LogQuery): Promise<LogPage | null> {
    const directory = join(this.#attemptsDirectory, attemptId, "logs");
    const wasSilent = this.wasSilent(attemptId);
    const isExpected = wasSilent || this.isShared(attemptId);
    if (!isExpected && !existsSync(directory)) return null;
    const page = await readLog({ directory, ...query });
    return wasSilent ? { ...page, complete: true } : page;
  }
}
