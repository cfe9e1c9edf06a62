/**
 * An append-only file of checksummed records.
 *
 *     "capstan study 1\n"   { length u32, crc32 u32, payload }…      (little-endian)
 *
 * A process that dies in the middle of a write leaves a torn last record. It is cut off when the
 * file is opened for writing, and kept in a file beside it. A bad record that others follow is no
 * torn write but damage, and refused: what stands behind it must not be lost silently.
 *
 * Must not know what the payloads mean.
 *
 * @module
 */

import {
  closeSync,
  fdatasyncSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { crc32 } from "node:zlib";
import { CapstanError } from "../../model/errors.ts";
import { recordBytesMax } from "./limits.ts";

const magic = Buffer.from("capstan study 1\n");
const headerBytes = 8;
const readBytes = 4 * 1024 * 1024;

/** Where a payload lies in the file. */
export interface RecordPlace {
  readonly offset: number;
  readonly length: number;
}

/** Told of each record when the file is opened, in order. The bytes are only lent. */
export type RecordVisitor = (payload: Buffer, place: RecordPlace) => void;

/** An open record file. All calls block: they are small, and a record is durable in its order. */
export class RecordFile {
  readonly #path: string;
  readonly #descriptor: number;
  #end: number;
  #isClosed = false;

  private constructor(path: string, descriptor: number, end: number) {
    this.#path = path;
    this.#descriptor = descriptor;
    this.#end = end;
  }

  /**
   * Opens the file, tells `visit` of every record, and is then at its end. `"write"` creates it and
   * cuts a torn tail off; `"read"` leaves it as it is.
   *
   * Throws DISK_FAILED for a file that cannot be read or is damaged, NOT_FOUND if there is none.
   */
  static open(path: string, mode: "read" | "write", visit: RecordVisitor): RecordFile {
    const descriptor = openFile(path, mode);
    try {
      if (mode === "write" && fstatSync(descriptor).size < magic.length) begin(descriptor);
      const end = scan(path, descriptor, visit);
      const { size } = fstatSync(descriptor);
      if (mode === "write" && size > end) cutTail(path, descriptor, end, size);
      return new RecordFile(path, descriptor, end);
    } catch (error) {
      closeSync(descriptor);
      throw diskError(path, error);
    }
  }

  /** Adds a record at the end, and returns where its payload lies. Throws DISK_FAILED. */
  append(payload: Uint8Array): RecordPlace {
    const frame = Buffer.allocUnsafe(headerBytes + payload.length);
    frame.writeUInt32LE(payload.length, 0);
    frame.writeUInt32LE(crc32(payload), 4);
    frame.set(payload, headerBytes);
    try {
      let written = 0;
      while (written < frame.length) {
        written += writeSync(this.#descriptor, frame, written, undefined, this.#end + written);
      }
    } catch (error) {
      throw diskError(this.#path, error);
    }
    const place = { offset: this.#end + headerBytes, length: payload.length };
    this.#end += frame.length;
    return place;
  }

  /** A payload, read again and checked. Throws DISK_FAILED. */
  read({ offset, length }: RecordPlace): Buffer {
    const frame = readAt(this.#descriptor, offset - headerBytes, headerBytes + length);
    const payload = frame.subarray(headerBytes);
    const isWhole = frame.length === headerBytes + length;
    if (isWhole && frame.readUInt32LE(4) === crc32(payload)) return payload;
    throw damage(this.#path, offset - headerBytes);
  }

  /** What was appended survives a power failure from here on. Throws DISK_FAILED. */
  sync(): void {
    try {
      fdatasyncSync(this.#descriptor);
    } catch (error) {
      throw diskError(this.#path, error);
    }
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    closeSync(this.#descriptor);
  }
}

function openFile(path: string, mode: "read" | "write"): number {
  try {
    if (mode === "read") return openSync(path, "r");
    // Neither "r+" (does not create) nor "w+" (empties) nor "a+" (ignores positions) will do.
    closeSync(openSync(path, "a"));
    return openSync(path, "r+");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw diskError(path, error);
    const known = "`capstan study list` shows those that there are";
    throw new CapstanError("NOT_FOUND", `there is no study record ${path}; ${known}`);
  }
}

function begin(descriptor: number): void {
  ftruncateSync(descriptor, 0);
  writeSync(descriptor, magic, 0, magic.length, 0);
}

/** Visits all whole records and returns where they end. */
function scan(path: string, descriptor: number, visit: RecordVisitor): number {
  const { size } = fstatSync(descriptor);
  if (!readAt(descriptor, 0, magic.length).equals(magic)) throw damage(path, 0);
  let at = magic.length;
  let start = 0;
  let window: Buffer = Buffer.alloc(0);
  while (at + headerBytes <= size) {
    if (at + headerBytes > start + window.length) {
      start = at;
      window = readAt(descriptor, start, readBytes);
    }
    const length = window.readUInt32LE(at - start);
    if (length > recordBytesMax) throw damage(path, at);
    const next = at + headerBytes + length;
    if (next > size) return at;
    if (next > start + window.length) {
      start = at;
      window = readAt(descriptor, start, Math.max(readBytes, headerBytes + length));
    }
    const payload = window.subarray(at - start + headerBytes, next - start);
    if (window.readUInt32LE(at - start + 4) !== crc32(payload)) {
      if (next === size) return at;
      throw damage(path, at);
    }
    visit(payload, { offset: at + headerBytes, length });
    at = next;
  }
  return at;
}

function readAt(descriptor: number, offset: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  let read = 0;
  while (read < length) {
    const count = readSync(descriptor, bytes, read, length - read, offset + read);
    if (count === 0) break;
    read += count;
  }
  return bytes.subarray(0, read);
}

/** The torn tail is kept: nobody has to believe that nothing was in it. */
function cutTail(path: string, descriptor: number, end: number, size: number): void {
  writeFileSync(`${path}.torn`, readAt(descriptor, end, size - end));
  ftruncateSync(descriptor, end);
  fdatasyncSync(descriptor);
}

function damage(path: string, offset: number): CapstanError {
  return new CapstanError(
    "DISK_FAILED",
    `the study record ${path} is damaged at byte ${offset}: cut it off there to go on without ` +
      "what stands behind it, or restore the file",
    { details: { path, offset } },
  );
}

function diskError(path: string, error: unknown): CapstanError {
  if (error instanceof CapstanError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new CapstanError("DISK_FAILED", `the study record ${path}: ${reason}`, { cause: error });
}
