/**
 * What simulated commands wrote, where the real reader of logs finds it.
 *
 * @module
 */

import type { LogSource } from "../controller/log-sources.ts";
import type { LogReader } from "../shell/controller-process/fetch-logs.ts";
import type { LogAnswer } from "../shell/controller-process/worker-logs.ts";
import type { LogQuery, LogStream } from "../shell/data-plane/log-route.ts";
import { logLinesKeptMax } from "./limits.ts";

interface LogLine {
  readonly atMs: number;
  readonly stream: LogStream;
  readonly text: string;
}

export class VirtualLogs implements LogReader {
  readonly #logs = new Map<string, LogLine[]>();

  /** Adds what an attempt wrote, as lines. */
  write(attemptId: string, stream: LogStream, text: string, atMs: number): void {
    const lines = text.replace(/\n$/, "").split("\n");
    const log = this.#logs.get(attemptId) ?? [];
    this.#logs.set(attemptId, log);
    for (const line of text === "" ? [] : lines) {
      if (log.length < logLinesKeptMax) log.push({ atMs, stream, text: line });
    }
  }

  async read({ attemptId, ended }: LogSource, query: LogQuery): Promise<LogAnswer> {
    const log = this.#logs.get(attemptId);
    if (log === undefined) return { type: "unknown" };
    const from = query.cursor === "" ? 0 : Number(query.cursor);
    const wanted = log
      .map((line, index) => ({ line, index }))
      .slice(from)
      .filter(({ line }) => line.atMs >= query.sinceMs && query.streams.includes(line.stream))
      .filter(({ line }) => line.text.includes(query.substring));
    const page = query.tail === null ? wanted.slice(0, query.maxLines) : wanted.slice(-query.tail);
    const isAll = page.length === wanted.length || query.tail !== null;
    const cursor = String(isAll ? log.length : (page.at(-1)?.index ?? from) + 1);
    const lines = page.map(({ line }) => line);
    return {
      type: "page",
      page: { lines, cursor, droppedBytes: 0, complete: ended && isAll },
    };
  }
}
