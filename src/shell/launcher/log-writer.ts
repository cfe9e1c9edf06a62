/**
 * Writes the log of one attempt in segments: the first is kept for ever, of the others the newest.
 * Output that the disk cannot take at once waits, up to a bound at which the writer asks for
 * silence. A write that fails costs its lines and nothing else: they are counted, and the log says
 * how many bytes are missing as soon as it can be written again.
 *
 * @module
 */

import { type FileHandle, open, unlink } from "node:fs/promises";
import { join } from "node:path";
import { logLastSegmentsMax, logPendingBytesMax, logSegmentBytesMax } from "./limits.ts";
import { positionLine, segmentName } from "./log-format.ts";

export class LogWriter {
  readonly #directory: string;
  readonly #onRoom: () => void;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #pumping: Promise<void> | null = null;

  #file: FileHandle | null = null;
  #segment = -1;
  #segmentBytes = 0;
  /** Bytes of lines in each segment that may still be deleted, by its index. */
  readonly #kept = new Map<number, number>();
  /** Bytes of lines before the next one, written or not. */
  #position = 0;
  /** The file's next line must say the position: what a reader has counted is not it. */
  #positionIsDue = false;
  #droppedBytes = 0;

  /** `onRoom` is called after `append` has asked for silence, when there is room again. */
  constructor(directory: string, onRoom: () => void) {
    this.#directory = directory;
    this.#onRoom = onRoom;
  }

  /** Bytes of the log that were deleted or never written. */
  get droppedBytes(): number {
    return this.#droppedBytes;
  }

  /** It has asked for silence. */
  get isFull(): boolean {
    return this.#pendingBytes >= logPendingBytesMax;
  }

  /** Takes whole lines. False: please wait for `onRoom` before there are more. */
  append(lines: Buffer): boolean {
    if (lines.length > 0) {
      this.#pending.push(lines);
      this.#pendingBytes += lines.length;
      this.#pumping ??= this.#pump();
    }
    return !this.isFull;
  }

  /** Resolves when everything is written or counted as dropped. */
  async close(): Promise<void> {
    while (this.#pumping !== null) await this.#pumping;
    if (this.#positionIsDue && this.#file !== null) await this.#tryWrite(Buffer.alloc(0));
    await this.#closeFile();
  }

  async #pump(): Promise<void> {
    while (this.#pending.length > 0) {
      const lines = this.#pending.length === 1 ? this.#pending[0] : Buffer.concat(this.#pending);
      this.#pending = [];
      if (!(await this.#tryWrite(lines))) {
        this.#droppedBytes += lines.length;
        this.#positionIsDue = true;
      }
      this.#position += lines.length;
      const wasFull = this.isFull;
      this.#pendingBytes -= lines.length;
      if (wasFull && !this.isFull) this.#onRoom();
    }
    this.#pumping = null;
  }

  async #tryWrite(lines: Buffer): Promise<boolean> {
    try {
      const file = await this.#fileFor(lines.length);
      const head = this.#positionIsDue ? positionLine(Date.now(), this.#position) : null;
      const bytes = head === null ? lines : Buffer.concat([head, lines]);
      await writeAll(file, bytes, this.#segmentBytes);
      this.#segmentBytes += bytes.length;
      this.#kept.set(this.#segment, (this.#kept.get(this.#segment) ?? 0) + lines.length);
      this.#positionIsDue = false;
      return true;
    } catch {
      // Half a write must not stay: what comes next is written over it and may be shorter.
      await this.#file?.truncate(this.#segmentBytes).catch(() => undefined);
      return false;
    }
  }

  async #fileFor(bytes: number): Promise<FileHandle> {
    const fits = this.#segmentBytes + bytes <= logSegmentBytesMax || this.#segmentBytes === 0;
    if (this.#file !== null && fits) return this.#file;
    await this.#closeFile();
    this.#file = await open(join(this.#directory, segmentName(this.#segment + 1)), "w", 0o600);
    this.#segment++;
    this.#segmentBytes = 0;
    this.#positionIsDue ||= this.#segment > 0;
    await this.#deleteOld();
    return this.#file;
  }

  async #deleteOld(): Promise<void> {
    for (const [index, bytes] of this.#kept) {
      if (index === 0 || index > this.#segment - logLastSegmentsMax) continue;
      await unlink(join(this.#directory, segmentName(index))).catch(() => undefined);
      this.#kept.delete(index);
      this.#droppedBytes += bytes;
    }
  }

  async #closeFile(): Promise<void> {
    const file = this.#file;
    this.#file = null;
    await file?.close().catch(() => undefined);
  }
}

async function writeAll(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, undefined, position + done);
    done += bytesWritten;
  }
}
