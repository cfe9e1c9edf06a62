/**
 * `GET /v1/logs/<attemptId>`: what an attempt wrote, page by page.
 *
 * Query: `cursor` (where the last page ended), `maxLines`, `tail` (only the last so many lines),
 * `since` (Unix milliseconds), `substring`, `stream` (`stdout` or `stderr`; may be repeated).
 *
 * @module
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import { CapstanError, errorRegistry } from "../../model/errors.ts";
import { parseInteger, parseOneOf, unknownName } from "../../model/parse-fields.ts";
import { logCursorCharsMax, logLinesDefault, logLinesMax, logReadsMax } from "./limits.ts";

export const logStreams = ["stdout", "stderr"] as const;
export type LogStream = (typeof logStreams)[number];

/** Which lines are wanted. */
export interface LogQuery {
  /** Where the last page ended; "" is the beginning. */
  readonly cursor: string;
  readonly maxLines: number;
  /** Only so many of the last lines; null for all. */
  readonly tail: number | null;
  /** Unix milliseconds; 0 is from the beginning. */
  readonly sinceMs: number;
  readonly substring: string;
  readonly streams: readonly LogStream[];
}

/** One page of a log. */
export interface LogPage {
  readonly lines: readonly {
    readonly atMs: number;
    readonly stream: LogStream;
    readonly text: string;
  }[];
  /** For the next page. */
  readonly cursor: string;
  /** Output that was not kept. */
  readonly droppedBytes: number;
  /** The attempt has ended, and this was the last of it. */
  readonly complete: boolean;
}

/** Where the logs are. */
export interface LogSource {
  /** Null if nothing is known of the attempt. Throws CapstanError INVALID_ARGUMENT. */
  readLog(attemptId: string, query: LogQuery): Promise<LogPage | null>;
}

const logPath = /^\/v1\/logs\/(\d+\.\d+)$/;

/** Serves the route; one instance for a listener. */
export class LogRoute {
  readonly #source: LogSource;
  #reads = 0;

  constructor(source: LogSource) {
    this.#source = source;
  }

  /** Answers a request that has passed the guard; false if it is for another path. */
  serve(request: IncomingMessage, response: ServerResponse): boolean {
    // Cut by hand: a peer may ask for what is no URL at all, such as `//`.
    const [path, query = ""] = (request.url ?? "").split("?", 2);
    const attemptId = logPath.exec(path)?.[1];
    if (attemptId === undefined || request.method !== "GET") return false;
    void this.#answer(response, attemptId, new URLSearchParams(query));
    return true;
  }

  async #answer(response: ServerResponse, attemptId: string, parameters: URLSearchParams) {
    this.#reads++;
    try {
      answerJson(response, 200, await this.#read(attemptId, parameters));
    } catch (error) {
      if (!(error instanceof CapstanError)) return void response.destroy(asError(error));
      answerJson(response, errorRegistry[error.code].httpStatus, error);
    } finally {
      this.#reads--;
    }
  }

  async #read(attemptId: string, parameters: URLSearchParams): Promise<LogPage> {
    if (this.#reads > logReadsMax) {
      throw new CapstanError("OVERLOADED", `${logReadsMax} logs are being read: try again`);
    }
    const page = await this.#source.readLog(attemptId, parseLogQuery(parameters));
    if (page !== null) return page;
    const message = `no logs of attempt ${attemptId} are here: it never was, or was forgotten`;
    throw new CapstanError("NOT_FOUND", message);
  }
}

const parameterNames = ["cursor", "maxLines", "tail", "since", "substring", "stream"];

/** The query of a request. Throws CapstanError INVALID_ARGUMENT naming the parameter. */
export function parseLogQuery(parameters: URLSearchParams): LogQuery {
  for (const name of parameters.keys()) {
    if (!parameterNames.includes(name)) throw unknownName("", name, parameterNames);
  }
  const cursor = parameters.get("cursor") ?? "";
  if (cursor.length > logCursorCharsMax) {
    throw new CapstanError("INVALID_ARGUMENT", "cursor: this is none that was given here");
  }
  const streams = parameters.getAll("stream").map((name) => parseOneOf("stream", name, logStreams));
  return {
    cursor,
    maxLines: parseWhole(parameters, "maxLines", 1, logLinesMax) ?? logLinesDefault,
    tail: parseWhole(parameters, "tail", 0, logLinesMax),
    sinceMs: parseWhole(parameters, "since", 0, Number.MAX_SAFE_INTEGER) ?? 0,
    substring: parameters.get("substring") ?? "",
    streams: streams.length === 0 ? logStreams : streams,
  };
}

function parseWhole(
  parameters: URLSearchParams,
  name: string,
  least: number,
  most: number,
): number | null {
  const text = parameters.get(name);
  if (text === null || text === "") return null;
  return parseInteger(name, /^\d+$/.test(text) ? Number(text) : text, least, most);
}

function answerJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, {
    "content-type": "application/json",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
  });
  response.end(JSON.stringify(body));
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
