/**
 * The logs of what runs here or ran here in processes of its own, page by page.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { LogPage, LogQuery, LogSource } from "../data-plane/log-route.ts";
import { readLog } from "../launcher/log-reader.ts";
import type { AttemptDirectories } from "./command-directories.ts";

/** What is known of attempts besides their logs. */
export type KnownAttempts = Pick<AttemptDirectories, "wasSilent" | "isShared" | "settlesInMs">;

export class CommandLogs implements LogSource {
  /** Null while nothing runs here yet. */
  attempts: KnownAttempts | null = null;
  readonly #attemptsDirectory: string;

  constructor(attemptsDirectory: string) {
    this.#attemptsDirectory = attemptsDirectory;
  }

  /** Null if nothing is known of the attempt: it never was here, or was forgotten. */
  async readLog(attemptId: string, query: LogQuery): Promise<LogPage | null> {
    const directory = join(this.#attemptsDirectory, attemptId, "logs");
    // What has just ended has been written, but perhaps not been read by the launcher.
    const waitMs = this.attempts?.settlesInMs(attemptId) ?? 0;
    if (waitMs > 0) await sleep(waitMs);
    const wasSilent = this.attempts?.wasSilent(attemptId) === true;
    const isExpected = wasSilent || this.attempts?.isShared(attemptId) === true;
    if (!isExpected && !existsSync(directory)) return null;
    const page = await readLog({ directory, ...query });
    return wasSilent ? { ...page, complete: true } : page;
  }
}
