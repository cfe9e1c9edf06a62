/**
 * Cuts the output of one stream into lines of the log. Bytes stay as they are; a line that is too
 * long, or whose end is long in coming, is passed on in pieces, cut between characters of UTF-8.
 *
 * @module
 */

import { logPieceBytesMax } from "./limits.ts";
import { entryPrefix, type LogStream } from "./log-format.ts";

const newline = 10;
const newlineBytes = Buffer.of(newline);

export class LineSplitter {
  readonly #stream: LogStream;
  #partial: Buffer[] = [];
  #partialBytes = 0;

  constructor(stream: LogStream) {
    this.#stream = stream;
  }

  /** True while the beginning of a line waits for its end. */
  get hasPartial(): boolean {
    return this.#partialBytes > 0;
  }

  /** The lines that `chunk` completes, as the log has them; empty if there are none. */
  push(chunk: Buffer, atMs: number): Buffer {
    const out: Buffer[] = [];
    let start = 0;
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, start)) {
      this.#keep(chunk.subarray(start, end), out, atMs);
      this.#emit(out, atMs, false);
      start = end + 1;
    }
    this.#keep(chunk.subarray(start), out, atMs);
    return Buffer.concat(out);
  }

  /** What there is of an unfinished line, as a piece; its last, unfinished character waits. */
  flushPiece(atMs: number): Buffer {
    const bytes = this.#takePartial();
    const cut = cutBetweenCharacters(bytes, bytes.length);
    if (cut < bytes.length) this.#hold(bytes.subarray(cut));
    return cut === 0 ? Buffer.alloc(0) : this.#entry(bytes.subarray(0, cut), atMs, true);
  }

  /** The last line, if the stream did not end with a newline. */
  end(atMs: number): Buffer {
    const out: Buffer[] = [];
    if (this.hasPartial) this.#emit(out, atMs, false);
    return Buffer.concat(out);
  }

  #keep(part: Buffer, out: Buffer[], atMs: number): void {
    if (part.length > 0) this.#hold(part);
    while (this.#partialBytes > logPieceBytesMax) {
      const bytes = this.#takePartial();
      const cut = cutBetweenCharacters(bytes, logPieceBytesMax);
      out.push(this.#entry(bytes.subarray(0, cut), atMs, true));
      this.#hold(bytes.subarray(cut));
    }
  }

  #emit(out: Buffer[], atMs: number, isPiece: boolean): void {
    out.push(this.#entry(this.#takePartial(), atMs, isPiece));
  }

  #entry(text: Buffer, atMs: number, isPiece: boolean): Buffer {
    return Buffer.concat([entryPrefix(atMs, this.#stream, isPiece), text, newlineBytes]);
  }

  #hold(part: Buffer): void {
    this.#partial.push(part);
    this.#partialBytes += part.length;
  }

  #takePartial(): Buffer {
    const bytes = this.#partial.length === 1 ? this.#partial[0] : Buffer.concat(this.#partial);
    this.#partial = [];
    this.#partialBytes = 0;
    return bytes;
  }
}

/** The last place at or before `end` that is not inside a character; `end` if it is not UTF-8. */
export function cutBetweenCharacters(bytes: Buffer, end: number): number {
  for (let at = end - 1; at >= Math.max(0, end - 4); at--) {
    const byte = bytes[at];
    if (byte < 0x80) return end;
    if (byte >= 0xc0) {
      const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
      return at + length > end ? at : end;
    }
  }
  return end;
}
