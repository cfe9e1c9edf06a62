/**
 * The logs that one process writes to: its own, and one for each attempt that it runs. A log is
 * made when there is something for it, and closed when both streams have gone on to another.
 *
 * @module
 */

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { OutputSections } from "./launch-order.ts";
import type { LogStream } from "./log-format.ts";
import { LogWriter } from "./log-writer.ts";

/** The log of one attempt. */
interface Section {
  readonly attemptId: string;
  /** Null until there is something for it. */
  writer: LogWriter | null;
  streams: number;
}

export class SectionLogs {
  readonly #own: LogWriter;
  readonly #sections: OutputSections | null;
  readonly #onRoom: () => void;
  readonly #open = new Map<string, Section>();
  readonly #current: { [stream in LogStream]: Section | null } = { stdout: null, stderr: null };
  readonly #closing = new Set<Promise<void>>();
  #droppedBytes = 0;

  /** `onRoom` is called when a log that asked for silence has room again. */
  constructor(logDirectory: string, sections: OutputSections | null, onRoom: () => void) {
    this.#own = new LogWriter(logDirectory, onRoom);
    this.#sections = sections;
    this.#onRoom = onRoom;
  }

  /** Bytes that were deleted or never written, of all logs. */
  get droppedBytes(): number {
    const open = [...this.#open.values()].map(({ writer }) => writer?.droppedBytes ?? 0);
    return open.reduce((sum, each) => sum + each, this.#droppedBytes + this.#own.droppedBytes);
  }

  /** One of the logs has asked for silence. */
  get isFull(): boolean {
    return this.#own.isFull || [...this.#open.values()].some(({ writer }) => writer?.isFull);
  }

  /** Takes whole lines of a stream. False: please wait for `onRoom` before there are more. */
  append(stream: LogStream, lines: Buffer): boolean {
    const section = this.#current[stream];
    if (section === null) return this.#own.append(lines);
    if (lines.length === 0) return true;
    section.writer ??= this.#begin(section.attemptId);
    return section.writer.append(lines);
  }

  /** What the stream has from now on is of this attempt; "": of the process itself. */
  turn(stream: LogStream, attemptId: string): void {
    const before = this.#current[stream];
    this.#current[stream] = attemptId === "" ? null : this.#enter(attemptId);
    if (before !== null) this.#leave(before);
  }

  /** Resolves when everything is written or counted as dropped. */
  async close(): Promise<void> {
    this.turn("stdout", "");
    this.turn("stderr", "");
    await Promise.all([this.#own.close(), ...this.#closing]);
  }

  #enter(attemptId: string): Section {
    const section = this.#open.get(attemptId) ?? { attemptId, writer: null, streams: 0 };
    this.#open.set(attemptId, section);
    section.streams++;
    return section;
  }

  #leave(section: Section): void {
    if (--section.streams > 0) return;
    this.#open.delete(section.attemptId);
    const { writer } = section;
    if (writer === null) return;
    const closing = writer.close().then(() => {
      this.#droppedBytes += writer.droppedBytes;
      this.#closing.delete(closing);
    });
    this.#closing.add(closing);
  }

  #begin(attemptId: string): LogWriter {
    const directory = join(this.#sections?.directory ?? "", attemptId, "logs");
    try {
      mkdirSync(directory, { recursive: true, mode: 0o700 });
    } catch {
      // The writer counts what it cannot write.
    }
    return new LogWriter(directory, this.#onRoom);
  }
}
