/**
 * The output of one attempt: its two pipes are read as long as they are open, whoever watches. Each
 * byte is counted and goes to the log; the end of stderr and the beginning of stdout are kept for
 * the exit record. When the disk is slow the pipes are not read, and the program waits.
 *
 * @module
 */

import { Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { partialLineMs, stderrTailBytesMax } from "./limits.ts";
import { cutBetweenCharacters, LineSplitter } from "./line-splitter.ts";
import type { LogStream } from "./log-format.ts";
import { LogWriter } from "./log-writer.ts";

/** What of the output goes into the exit record. */
export interface OutputSummary {
  readonly stdoutBytes: number;
  readonly stderrBytes: number;
  readonly droppedLogBytes: number;
  readonly stderrTail: string;
  readonly stdoutResult: string;
  readonly resultTruncated: boolean;
}

/** Of an attempt whose pipes this launcher does not have. */
export const noOutput: OutputSummary = {
  stdoutBytes: 0,
  stderrBytes: 0,
  droppedLogBytes: 0,
  stderrTail: "",
  stdoutResult: "",
  resultTruncated: false,
};

/** What is kept of one stream. */
class StreamReader {
  readonly socket: Socket;
  readonly closed: Promise<void>;
  bytes = 0;
  readonly #splitter: LineSplitter;
  #pieceTimer: NodeJS.Timeout | null = null;

  constructor(
    readEnd: number,
    stream: LogStream,
    onLines: (lines: Buffer) => void,
    onBytes: (chunk: Buffer) => void,
  ) {
    this.#splitter = new LineSplitter(stream);
    this.socket = new Socket({ fd: readEnd, readable: true, writable: false });
    this.socket.on("data", (chunk: Buffer) => {
      this.bytes += chunk.length;
      onBytes(chunk);
      onLines(this.#splitter.push(chunk, Date.now()));
      if (this.#splitter.hasPartial) this.#armPiece(onLines);
    });
    this.socket.on("error", () => undefined); // "close" follows: what was read is what there is.
    this.closed = new Promise((resolve) => {
      this.socket.on("close", () => {
        if (this.#pieceTimer !== null) clearTimeout(this.#pieceTimer);
        onLines(this.#splitter.end(Date.now()));
        resolve();
      });
    });
  }

  #armPiece(onLines: (lines: Buffer) => void): void {
    this.#pieceTimer ??= setTimeout(() => {
      this.#pieceTimer = null;
      if (this.#splitter.hasPartial) onLines(this.#splitter.flushPiece(Date.now()));
    }, partialLineMs);
  }
}

export class AttemptOutput {
  readonly #writer: LogWriter;
  readonly #stdout: StreamReader;
  readonly #stderr: StreamReader;
  readonly #resultBytesMax: number;
  #result: Buffer[] = [];
  #resultBytes = 0;
  #tail: Buffer = Buffer.alloc(0);

  /** Takes over the descriptors. */
  constructor(
    ends: { readonly stdout: number; readonly stderr: number },
    options: { readonly logDirectory: string; readonly stdoutResultBytesMax: number },
  ) {
    this.#resultBytesMax = options.stdoutResultBytesMax;
    this.#writer = new LogWriter(options.logDirectory, () => this.#eachSocket("resume"));
    const append = (lines: Buffer): void => {
      if (!this.#writer.append(lines)) this.#eachSocket("pause");
    };
    this.#stdout = new StreamReader(ends.stdout, "stdout", append, (chunk) => this.#keep(chunk));
    this.#stderr = new StreamReader(ends.stderr, "stderr", append, (chunk) => {
      const tail = Buffer.concat([this.#tail, chunk.subarray(-stderrTailBytesMax)]);
      this.#tail = tail.subarray(-stderrTailBytesMax);
    });
  }

  /**
   * Resolves when both pipes are at their end and the log is written. Pipes that somebody outside
   * the tree holds open are given up after `waitMs`, in which the disk is not what is waited for.
   */
  async close(waitMs: number): Promise<OutputSummary> {
    const closed = Promise.all([this.#stdout.closed, this.#stderr.closed]);
    while (await isLate(closed, waitMs)) {
      if (this.#writer.isFull) continue;
      for (const { socket } of [this.#stdout, this.#stderr]) socket.destroy();
    }
    await this.#writer.close();
    return this.#summary();
  }

  #summary(): OutputSummary {
    const result = Buffer.concat(this.#result);
    return {
      stdoutBytes: this.#stdout.bytes,
      stderrBytes: this.#stderr.bytes,
      droppedLogBytes: this.#writer.droppedBytes,
      stderrTail: textFromCharacter(this.#tail),
      stdoutResult: result.subarray(0, cutBetweenCharacters(result, result.length)).toString(),
      resultTruncated: this.#resultBytesMax > 0 && this.#stdout.bytes > this.#resultBytesMax,
    };
  }

  #keep(chunk: Buffer): void {
    const room = this.#resultBytesMax - this.#resultBytes;
    if (room <= 0) return;
    const kept = chunk.length <= room ? chunk : Buffer.from(chunk.subarray(0, room));
    this.#result.push(kept);
    this.#resultBytes += kept.length;
  }

  #eachSocket(action: "pause" | "resume"): void {
    this.#stdout.socket[action]();
    this.#stderr.socket[action]();
  }
}

async function isLate(awaited: Promise<unknown>, waitMs: number): Promise<boolean> {
  const patience = new AbortController();
  const late = delay(waitMs, true, { signal: patience.signal }).catch(() => false);
  const isOver = await Promise.race([awaited.then(() => false), late]);
  patience.abort();
  return isOver;
}

/** A tail may begin inside a character: its rest is left out. */
function textFromCharacter(bytes: Buffer): string {
  let start = 0;
  while (start < Math.min(3, bytes.length) && (bytes[start] & 0xc0) === 0x80) start++;
  return bytes.subarray(start).toString("utf8");
}
