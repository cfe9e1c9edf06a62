/**
 * Reads the log of one attempt, also while it grows. What rotation or a full disk has taken away is
 * said in bytes; a page of lines with a hole in it never looks like a whole one.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { invalidArgument } from "../../model/parse-fields.ts";
import { logReadBytesMax, logReadLinesMax } from "./limits.ts";
import { exitFileName, type LogEntry, type LogStream, parseEntry, streamOf } from "./log-format.ts";
import { listSegments, segmentBeganAtMs, visitLines } from "./log-segments.ts";

/** Which lines of which log. */
export interface LogReadOptions {
  /** The attempt's log directory. */
  readonly directory: string;
  /** Where the last page ended; "" is the beginning. */
  readonly cursor: string;
  /** At most `logReadLinesMax`, which is also the default. */
  readonly maxLines?: number;
  /** Bytes of text; at most `logReadBytesMax`, which is also the default. One line always fits. */
  readonly maxBytes?: number;
  /** Only so many of the last lines that match; null (the default): all. */
  readonly tail?: number | null;
  /** Unix milliseconds; default 0. */
  readonly sinceMs?: number;
  /** Only lines that contain it; default "": all. */
  readonly substring?: string;
  /** Default: both. */
  readonly streams?: readonly LogStream[];
}

export interface LogLine {
  /** Unix milliseconds. */
  readonly atMs: number;
  readonly stream: LogStream;
  /** Without the newline. Bytes that are not UTF-8 are shown as U+FFFD. */
  readonly text: string;
  /** The line was too long or too slow for one piece: it goes on in the stream's next. */
  readonly continues: boolean;
}

export interface LogRead {
  readonly lines: readonly LogLine[];
  /** For the next page. It stays good while the log grows and when segments are deleted. */
  readonly cursor: string;
  /** Bytes of the log between the cursors of this page and the last that are not there any more. */
  readonly droppedBytes: number;
  /** The attempt has ended, and after this page there is nothing. */
  readonly complete: boolean;
}

/** Throws INVALID_ARGUMENT for a cursor that is not one of ours. */
export async function readLog(options: LogReadOptions): Promise<LogRead> {
  // Asked first: once it is there, nothing is added to the log.
  const hasEnded = existsSync(join(options.directory, exitFileName));
  const filter = filterOf(options);
  const place = parseCursor(options.cursor);
  const begin = await chooseBegin(options, filter, place);
  const page = new Page(options, filter, begin);
  const isAtEnd = await page.read(options.directory);
  return page.result(hasEnded && isAtEnd);
}

/** A place between two lines. */
interface Place {
  readonly segment: number;
  readonly offset: number;
  /** Bytes of lines before it, as the log counts them; null: not known, the next `#` line says. */
  readonly position: number | null;
}

const cursorPattern = /^(\d{1,9}):(\d{1,15}):(\d{1,15}|-)$/;

function parseCursor(cursor: string): Place | null {
  if (cursor === "") return null;
  const [, segment, offset, position] = cursorPattern.exec(cursor) ?? [];
  if (segment === undefined) throw invalidArgument("cursor", cursor, "one that a page ended with");
  return {
    segment: Number(segment),
    offset: Number(offset),
    position: position === "-" ? null : Number(position),
  };
}

type Filter = (entry: LogEntry) => boolean;

function filterOf(options: LogReadOptions): Filter {
  const { sinceMs = 0, substring = "", streams = ["stdout", "stderr"] } = options;
  return ({ atMs, kind, text }) =>
    atMs >= sinceMs && streams.includes(streamOf(kind)) && text.includes(substring);
}

/** Skips segments that cannot have anything of what is asked for. */
async function chooseBegin(
  options: LogReadOptions,
  filter: Filter,
  place: Place | null,
): Promise<Place> {
  const start = place ?? { segment: 0, offset: 0, position: 0 };
  const { directory, sinceMs = 0, tail = null } = options;
  const later = (await listSegments(directory)).filter((segment) => segment > start.segment);
  if (tail !== null) return chooseTail(directory, filter, tail, later, start);
  if (sinceMs === 0 || place !== null) return start;
  for (const segment of later.toReversed()) {
    const beganAtMs = await segmentBeganAtMs(directory, segment);
    if (beganAtMs !== null && beganAtMs < sinceMs) return { segment, offset: 0, position: null };
  }
  return start;
}

/** The last segment from which on there are enough lines that match. */
async function chooseTail(
  directory: string,
  filter: Filter,
  tail: number,
  later: readonly number[],
  start: Place,
): Promise<Place> {
  let found = 0;
  for (const segment of later.toReversed()) {
    await visitLines(directory, segment, 0, (line) => {
      const entry = parseEntry(line);
      if (entry !== null && entry.kind !== "#" && filter(entry)) found++;
      return true;
    });
    if (found >= tail) return { segment, offset: 0, position: null };
  }
  return start;
}

class Page {
  readonly #filter: Filter;
  readonly #tail: number;
  readonly #linesMax: number;
  readonly #bytesMax: number;
  #lines: LogLine[] = [];
  #bytes = 0;
  #place: Place;
  #droppedBytes = 0;
  #isFull = false;

  constructor(options: LogReadOptions, filter: Filter, begin: Place) {
    this.#filter = filter;
    this.#linesMax = Math.min(options.maxLines ?? logReadLinesMax, logReadLinesMax);
    this.#bytesMax = Math.min(options.maxBytes ?? logReadBytesMax, logReadBytesMax);
    const tail = options.tail ?? null;
    this.#tail = tail === null ? Number.POSITIVE_INFINITY : Math.min(tail, this.#linesMax);
    this.#place = begin;
  }

  /** True if it ended because there was nothing more. */
  async read(directory: string): Promise<boolean> {
    while (true) {
      const { segment, offset } = this.#place;
      // Looked up first: a segment that has a next one is not written to any more.
      const next = (await listSegments(directory)).find((index) => index > segment);
      await visitLines(directory, segment, offset, (line, bytes) => this.#visit(line, bytes));
      if (this.#isFull) return false;
      if (next === undefined) return true;
      this.#place = { ...this.#place, segment: next, offset: 0 };
    }
  }

  result(complete: boolean): LogRead {
    if (this.#tail !== Number.POSITIVE_INFINITY) this.#trim();
    const { segment, offset, position } = this.#place;
    const cursor = `${segment}:${offset}:${position ?? "-"}`;
    return { lines: this.#lines, cursor, droppedBytes: this.#droppedBytes, complete };
  }

  #visit(line: string, bytes: number): boolean {
    const entry = parseEntry(line);
    if (entry?.kind === "#") this.#synchronise(Number(entry.text), bytes);
    else {
      if (entry !== null && this.#filter(entry) && !this.#keep(entry)) return false;
      this.#pass(bytes, bytes);
    }
    return true;
  }

  /** The log says how much there was before this place; what we have not seen is gone. */
  #synchronise(position: number, bytes: number): void {
    const known = this.#place.position ?? position;
    this.#droppedBytes += Math.max(0, position - known);
    this.#pass(bytes, position - (this.#place.position ?? 0));
  }

  #pass(bytes: number, counted: number): void {
    const { segment, offset, position } = this.#place;
    this.#place = { segment, offset: offset + bytes, position: (position ?? 0) + counted };
  }

  /** False if the page is full without it. */
  #keep({ atMs, kind, text }: LogEntry): boolean {
    const continues = kind === "O" || kind === "E";
    const bytes = Buffer.byteLength(text);
    if (this.#tail === Number.POSITIVE_INFINITY) {
      const fits = this.#lines.length < this.#linesMax && this.#bytes + bytes <= this.#bytesMax;
      this.#isFull = !fits && (this.#lines.length > 0 || this.#linesMax === 0);
      if (this.#isFull) return false;
    }
    this.#lines.push({ atMs, stream: streamOf(kind), text, continues });
    this.#bytes += bytes;
    // Not at every line: what is cut off is copied.
    if (this.#lines.length > 2 * this.#tail || this.#bytes > 2 * this.#bytesMax) this.#trim();
    return true;
  }

  /** Of a tail the last lines are kept, and not more of them than fit. */
  #trim(): void {
    let first = this.#lines.length;
    let bytes = 0;
    while (first > 0 && this.#lines.length - first < this.#tail) {
      bytes += Buffer.byteLength(this.#lines[first - 1].text);
      if (bytes > this.#bytesMax && first < this.#lines.length) break;
      first--;
    }
    this.#lines = this.#lines.slice(first);
    this.#bytes = Math.min(bytes, this.#bytesMax);
  }
}
