/**
 * The files of a log. Segments `log.0`, `log.1`, … hold one line per line of output:
 *
 *     1763800000000 o text of a line of stdout
 *     1763800000000 e text of a line of stderr
 *     1763800000000 O beginning of a line of stdout that was too long or too slow
 *     1763800000003 # 8388608
 *
 * The last kind says how many bytes of such lines there were before it, written or not: at the
 * beginning of each segment but the first, and after bytes that could not be written. A reader that
 * has counted less knows how much it has missed, whatever happened to it.
 *
 * @module
 */

export type LogStream = "stdout" | "stderr";

/** One line of a segment. `kind` `#`: `text` is a number of bytes. */
export interface LogEntry {
  readonly atMs: number;
  readonly kind: string;
  readonly text: string;
}

export const exitFileName = "exit.json";

const segmentPattern = /^log\.(\d+)$/;

export function segmentName(index: number): string {
  return `log.${index}`;
}

/** The index of a segment's name; null of any other file's. */
export function segmentIndex(name: string): number | null {
  const found = segmentPattern.exec(name);
  return found === null ? null : Number(found[1]);
}

/** What stands before the text of a line. `isPiece`: its line goes on. */
export function entryPrefix(atMs: number, stream: LogStream, isPiece: boolean): Buffer {
  const kind = stream === "stdout" ? "o" : "e";
  return Buffer.from(`${atMs} ${isPiece ? kind.toUpperCase() : kind} `, "latin1");
}

/** Says how many bytes of lines there were before. */
export function positionLine(atMs: number, position: number): Buffer {
  return Buffer.from(`${atMs} # ${position}\n`, "latin1");
}

/** Null if the line is not one of ours: it is counted and skipped. */
export function parseEntry(line: string): LogEntry | null {
  const [time, kind] = line.split(" ", 2);
  const atMs = Number(time);
  if (!Number.isSafeInteger(atMs) || !/^[oeOE#]$/.test(kind ?? "")) return null;
  return { atMs, kind, text: line.slice(time.length + 3) };
}

/** The stream that a kind of line is of. */
export function streamOf(kind: string): LogStream {
  return kind === "o" || kind === "O" ? "stdout" : "stderr";
}
