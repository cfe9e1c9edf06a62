/**
 * The output of one attempt: its two pipes are read as long as they are open, whoever watches. Each
 * byte is counted and goes to the log; the end of stderr and the beginning of stdout are kept for
 * the exit record. When the disk is slow the pipes are not read, and the program waits.
 *
 * @module
 */

import { constants, openSync, readSync } from "node:fs";
import { Socket } from "node:net";
import type { LaunchOrder, OutputSections } from "./launch-order.ts";
import { logLine } from "./launcher-log.ts";
import { outputIdleMs, partialLineMs, stderrTailBytesMax } from "./limits.ts";
import { cutBetweenCharacters, LineSplitter } from "./line-splitter.ts";
import type { LogStream } from "./log-format.ts";
import { SectionCutter } from "./section-cutter.ts";
import { SectionLogs } from "./section-logs.ts";

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

/** Where one stream of an attempt can be read. */
export interface StreamSource {
  /** Not blocking. */
  readonly readEnd: number;
  /** Of a pipe that others use after this attempt: it is opened again to be watched. Else null. */
  readonly path: string | null;
}

/** Who is told of what a stream brings. */
interface StreamSink {
  onLines(lines: Buffer): void;
  onBytes(chunk: Buffer): void;
  /** What follows is of this attempt. */
  onSection(attemptId: string): void;
}

/** What is kept of one stream. */
class StreamReader {
  bytes = 0;
  readonly #source: StreamSource;
  readonly #splitter: LineSplitter;
  readonly #cutter: SectionCutter | null;
  readonly #sink: StreamSink;
  readonly #closed = Promise.withResolvers<void>();
  #socket: Socket | null = null;
  #isDraining = false;
  #pieceTimer: NodeJS.Timeout | null = null;

  constructor(
    source: StreamSource,
    stream: LogStream,
    sections: OutputSections | null,
    sink: StreamSink,
  ) {
    this.#source = source;
    this.#splitter = new LineSplitter(stream);
    this.#cutter = sections === null ? null : new SectionCutter(sections.mark);
    this.#sink = sink;
  }

  /** Resolves at the end of the stream, once it is watched or has been drained. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  /** Reads from now on whatever comes. */
  watch(): void {
    if (this.#socket !== null) return;
    const { path, readEnd } = this.#source;
    const flags = constants.O_RDONLY | constants.O_NONBLOCK;
    const fd = path === null ? readEnd : openSync(path, flags);
    this.#socket = new Socket({ fd, readable: true, writable: false });
    this.#socket.on("data", (chunk: Buffer) => this.#take(chunk));
    this.#socket.on("error", () => undefined); // "close" follows: what was read is what there is.
    this.#socket.on("close", () => this.#end());
  }

  /**
   * Reads at once what a stream has that nobody writes to any more; watches it if somebody does.
   * A pipe that was opened after its last writer had gone does not tell of its end by itself.
   */
  drain(): void {
    this.#isDraining = true;
    if (this.#source.path === null || this.#socket?.isPaused()) return;
    if (!readToEnd(this.#source.readEnd, (chunk) => this.#take(chunk))) this.watch();
    else if (this.#socket === null) this.#end();
    else this.#socket.destroy();
  }

  pause(): void {
    this.#socket?.pause();
  }

  resume(): void {
    this.#socket?.resume();
    if (this.#isDraining) this.drain();
  }

  /** What comes later is not read. */
  giveUp(): void {
    this.#socket?.destroy();
  }

  #take(chunk: Buffer): void {
    if (this.#cutter === null) return this.#keep(chunk);
    for (const part of this.#cutter.push(chunk)) {
      if (part.type === "output") this.#keep(part.bytes);
      else {
        this.#sink.onLines(this.#splitter.end(Date.now()));
        this.#sink.onSection(part.attemptId);
      }
    }
  }

  #keep(bytes: Buffer): void {
    this.bytes += bytes.length;
    this.#sink.onBytes(bytes);
    this.#sink.onLines(this.#splitter.push(bytes, Date.now()));
    if (this.#splitter.hasPartial) this.#armPiece();
  }

  #end(): void {
    const held = this.#cutter?.end();
    if (held !== undefined && held.length > 0) this.#keep(held);
    if (this.#pieceTimer !== null) clearTimeout(this.#pieceTimer);
    this.#sink.onLines(this.#splitter.end(Date.now()));
    this.#closed.resolve();
  }

  #armPiece(): void {
    this.#pieceTimer ??= setTimeout(() => {
      this.#pieceTimer = null;
      if (this.#splitter.hasPartial) this.#sink.onLines(this.#splitter.flushPiece(Date.now()));
    }, partialLineMs);
  }
}

const chunkBytes = 64 * 1024;
let spare: Buffer | null = null;

/** False if somebody may still write. What `onChunk` throws is thrown. */
function readToEnd(readEnd: number, onChunk: (chunk: Buffer) => void): boolean {
  while (true) {
    spare ??= Buffer.allocUnsafeSlow(chunkBytes);
    const count = readNow(readEnd, spare);
    if (count < 0) return false;
    if (count === 0) return true;
    const chunk = spare.subarray(0, count);
    spare = null; // Parts of it are kept.
    onChunk(chunk);
  }
}

/** Bytes that were read; 0 at the end; -1 if there are none now. */
function readNow(readEnd: number, into: Buffer): number {
  try {
    return readSync(readEnd, into, 0, chunkBytes, null);
  } catch {
    return -1; // EAGAIN: it is open at its other end. Any other error meets the watcher again.
  }
}

export class AttemptOutput {
  readonly #logs: SectionLogs;
  readonly #stdout: StreamReader;
  readonly #stderr: StreamReader;
  readonly #resultBytesMax: number;
  readonly #watching: NodeJS.Timeout | null;
  #result: Buffer[] = [];
  #resultBytes = 0;
  #tail: Buffer = Buffer.alloc(0);
  #isComplete = true;

  /** Takes over the descriptors of sources that have no path. */
  constructor(
    sources: { readonly stdout: StreamSource; readonly stderr: StreamSource },
    order: Pick<LaunchOrder, "logDirectory" | "stdoutResultBytesMax" | "sections">,
  ) {
    const { logDirectory, stdoutResultBytesMax, sections } = order;
    this.#resultBytesMax = stdoutResultBytesMax;
    this.#logs = new SectionLogs(logDirectory, sections, () => this.#each("resume"));
    const { stdout, stderr } = sources;
    this.#stdout = new StreamReader(stdout, "stdout", sections, {
      onLines: (lines) => this.#append("stdout", lines),
      onBytes: (chunk) => this.#keep(chunk),
      onSection: (attemptId) => this.#logs.turn("stdout", attemptId),
    });
    this.#stderr = new StreamReader(stderr, "stderr", sections, {
      onLines: (lines) => this.#append("stderr", lines),
      onBytes: (chunk) => this.#keepTail(chunk),
      onSection: (attemptId) => {
        this.#tail = Buffer.alloc(0); // It goes with the failure of the attempt that runs.
        this.#logs.turn("stderr", attemptId);
      },
    });
    this.#watching = stdout.path === null ? null : setTimeout(() => this.#watch(), outputIdleMs);
    if (this.#watching === null) this.#watch();
  }

  /** False if the pipes were given up: somebody may still write to them. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  /**
   * Resolves when both pipes are at their end and the log is written. Pipes that somebody outside
   * the tree holds open are given up after `waitMs`, in which the disk is not what is waited for.
   */
  async close(waitMs: number): Promise<OutputSummary> {
    if (this.#watching !== null) clearTimeout(this.#watching);
    this.#each("drain");
    const closed = Promise.all([this.#stdout.closed, this.#stderr.closed]).then((): false => false);
    while (await isLate(closed, waitMs)) {
      if (this.#logs.isFull) continue;
      this.#isComplete = false;
      this.#each("giveUp");
    }
    await this.#logs.close();
    return this.#summary();
  }

  #summary(): OutputSummary {
    const result = Buffer.concat(this.#result);
    return {
      stdoutBytes: this.#stdout.bytes,
      stderrBytes: this.#stderr.bytes,
      droppedLogBytes: this.#logs.droppedBytes,
      stderrTail: textFromCharacter(this.#tail),
      stdoutResult: result.subarray(0, cutBetweenCharacters(result, result.length)).toString(),
      resultTruncated: this.#resultBytesMax > 0 && this.#stdout.bytes > this.#resultBytesMax,
    };
  }

  #append(stream: LogStream, lines: Buffer): void {
    if (!this.#logs.append(stream, lines)) this.#each("pause");
  }

  #keepTail(chunk: Buffer): void {
    const tail = Buffer.concat([this.#tail, chunk.subarray(-stderrTailBytesMax)]);
    this.#tail = tail.subarray(-stderrTailBytesMax);
  }

  #keep(chunk: Buffer): void {
    const room = this.#resultBytesMax - this.#resultBytes;
    if (room <= 0) return;
    const kept = chunk.length <= room ? chunk : Buffer.from(chunk.subarray(0, room));
    this.#result.push(kept);
    this.#resultBytes += kept.length;
  }

  /** A descriptor may be wanting: then what is written waits for the end. */
  #watch(): void {
    try {
      this.#each("watch");
    } catch (error) {
      logLine(`an attempt's output is read at its end only: ${String(error)}`);
    }
  }

  #each(action: "watch" | "drain" | "pause" | "resume" | "giveUp"): void {
    this.#stdout[action]();
    this.#stderr[action]();
  }
}

async function isLate(inTime: Promise<false>, waitMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<true>((resolve) => {
    timer = setTimeout(() => resolve(true), waitMs);
  });
  const answer = await Promise.race([inTime, late]);
  clearTimeout(timer);
  return answer;
}

/** A tail may begin inside a character: its rest is left out. */
function textFromCharacter(bytes: Buffer): string {
  let start = 0;
  while (start < Math.min(3, bytes.length) && (bytes[start] & 0xc0) === 0x80) start++;
  return bytes.subarray(start).toString("utf8");
}
