/**
 * FetchLogs: asks each worker for its part and merges the parts by time. What a worker cannot give
 * is said beside what the others gave; it is never an error for the rest.
 *
 * @module
 */

import type { LogSelection, LogSource } from "../../controller/log-sources.ts";
import { CapstanError } from "../../model/errors.ts";
import type { ParsedRequests, Responses } from "../api/schemas.ts";
import { logLinesMax } from "../data-plane/limits.ts";
import { type LogQuery, logStreams } from "../data-plane/log-route.ts";
import { logCallsMax, logSourcesMax, logWorkersMax, tailLinesMax } from "./limits.ts";
import { formatLogCursor, type LogPosition, logBeginning, parseLogCursor } from "./log-cursor.ts";
import { type MergedLogs, mergeLogs, mergeTails, type SourcePage } from "./merge-logs.ts";
import type { LogAnswer } from "./worker-logs.ts";

type Request = ParsedRequests["FetchLogs"];
type Response = Responses["FetchLogs"];
type Unavailable = Response["unavailable"][number];

/** Reads one page from a worker; `WorkerLogs` in production. */
export interface LogReader {
  read(source: LogSource, query: LogQuery): Promise<LogAnswer>;
}

/** At least so many lines are asked of each log, however many logs there are. */
const linesPerSourceMin = 20;

export class LogFetcher {
  readonly #reader: LogReader;
  readonly #unixMs: () => number;
  #calls = 0;

  /** `unixMs`: the clock that lines are stamped by. */
  constructor(reader: LogReader, unixMs: () => number) {
    this.#reader = reader;
    this.#unixMs = unixMs;
  }

  /** Throws INVALID_ARGUMENT for a cursor that is none, OVERLOADED past the bounds. */
  async fetch(request: Request, selection: LogSelection): Promise<Response> {
    if (selection.sources.length > logSourcesMax) {
      const count = selection.sources.length;
      const message = `jobId: ${count} logs, at most ${logSourcesMax} at once: ask for one task`;
      throw new CapstanError("INVALID_ARGUMENT", message);
    }
    if (this.#calls >= logCallsMax) {
      throw new CapstanError("OVERLOADED", `${logCallsMax} calls read logs just now: try again`);
    }
    this.#calls++;
    try {
      return await this.#fetch(request, selection);
    } finally {
      this.#calls--;
    }
  }

  async #fetch(request: Request, { sources, open }: LogSelection): Promise<Response> {
    const before = parseLogCursor(request.cursor);
    const tail = request.cursor === "" ? (request.tail ?? null) : null;
    const asked = sources.filter(({ attemptId }) => before.get(attemptId)?.done !== true);
    const round = new Round(this.#reader, before, {
      ...queryOf(request, tail, asked.length),
      sinceMs: sinceOf(request.since, this.#unixMs()),
    });
    await round.ask(asked);
    const { pages, unavailable } = round;
    const merged = tail === null ? mergeLogs(pages, request.maxLines) : mergeTails(pages, tail);
    const known = new Map([...before, ...round.positions, ...merged.positions]);
    const after = sources.map(({ attemptId }) => {
      return [attemptId, known.get(attemptId) ?? logBeginning] as const;
    });
    return {
      lines: linesOf(merged),
      cursor: formatLogCursor(new Map(after)),
      droppedBytes: pages.reduce((sum, { page }) => sum + page.droppedBytes, 0),
      complete: !open && after.every(([, { done }]) => done),
      unavailable,
    };
  }
}

function linesOf({ lines }: MergedLogs): Response["lines"] {
  return lines.map(({ atMs, ...line }) => ({ ...line, at: new Date(atMs).toISOString() }));
}

/** What every log is asked for, but for where it begins. */
function queryOf(
  request: Request,
  tail: number | null,
  sourceCount: number,
): Omit<LogQuery, "sinceMs"> {
  const { maxLines, substring = "", streams = logStreams } = request;
  const plain = { cursor: "", substring, streams };
  const fair = (total: number) => Math.ceil(total / Math.max(1, sourceCount));
  if (tail === null) {
    const lines = Math.min(maxLines, Math.max(linesPerSourceMin, fair(2 * maxLines)));
    return { ...plain, maxLines: lines, tail: null };
  }
  const lines = Math.min(tail, Math.max(1, fair(tailLinesMax)));
  return { ...plain, maxLines: Math.max(1, lines), tail: lines };
}

/** Unix milliseconds of a time, or of a duration ago; 0 is from the beginning. */
function sinceOf(since: Request["since"], nowMs: number): number {
  if (since === undefined) return 0;
  return Math.max(0, typeof since === "number" ? nowMs - since : Date.parse(since));
}

/** One round of questions: several workers at once, and of each one log after the other. */
class Round {
  readonly pages: SourcePage[] = [];
  readonly unavailable: Unavailable[] = [];
  /** Of logs that gave no page. */
  readonly positions = new Map<string, LogPosition>();
  readonly #reader: LogReader;
  readonly #before: ReadonlyMap<string, LogPosition>;
  readonly #query: LogQuery;

  constructor(reader: LogReader, before: ReadonlyMap<string, LogPosition>, query: LogQuery) {
    this.#reader = reader;
    this.#before = before;
    this.#query = query;
  }

  async ask(sources: readonly LogSource[]): Promise<void> {
    const waiting = [...Map.groupBy(sources, ({ workerId }) => workerId).values()];
    const asker = async (): Promise<void> => {
      for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
        await this.#askWorker(next);
      }
    };
    await Promise.all(Array.from({ length: Math.min(logWorkersMax, waiting.length) }, asker));
  }

  async #askWorker(sources: readonly LogSource[]): Promise<void> {
    let reason = "";
    for (const source of sources) {
      if (!source.reachable) this.#miss(source, source.reason);
      else if (reason !== "") this.#miss(source, reason);
      else reason = await this.#askOne(source);
    }
  }

  /** Why the worker's other logs need not be asked for; "" if they may. */
  async #askOne(source: LogSource): Promise<string> {
    const from = this.#before.get(source.attemptId) ?? logBeginning;
    // What was told before stands at the head of the page.
    const maxLines = Math.min(this.#query.maxLines + from.skip, logLinesMax);
    const answer = await this.#reader.read(source, {
      ...this.#query,
      cursor: from.cursor,
      maxLines,
    });
    if (answer.type === "page") {
      const { page } = answer;
      const { length } = page.lines;
      const isCut = length >= maxLines || (source.ended && !page.complete && length > 0);
      this.pages.push({ source, from, page, isCut });
      return "";
    }
    if (answer.type === "unknown") {
      // One that runs may not have written yet.
      if (source.ended) this.#miss(source, `worker ${source.workerId} has no log of it`, true);
      return "";
    }
    this.#miss(source, answer.reason);
    return answer.reason;
  }

  #miss({ attemptId, workerId, gone }: LogSource, reason: string, forgotten = false): void {
    const final = gone || forgotten;
    this.unavailable.push({ attemptId, workerId, reason, final });
    if (final) this.positions.set(attemptId, { ...logBeginning, done: true });
  }
}
