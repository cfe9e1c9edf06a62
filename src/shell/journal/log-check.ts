/**
 * Whether SQLite's write-ahead log is whole. SQLite reads it up to the first frame that does not
 * match its checksum and takes that for the end: right for a commit that a power cut has torn,
 * wrong for one that was durable and was damaged later, which it would drop with everything after
 * it.
 *
 * The two can be told apart. A commit is synced before the next one is begun, and the checksum of
 * each frame goes on from that of the frame before it. So if frames that chain on behind the broken
 * one reach beyond the end of its commit, that commit was durable: the log is damaged.
 *
 * @module
 */

import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { damaged } from "./damage.ts";

const headerBytes = 32;
const frameHeaderBytes = 24;
const magicOfLittleEndian = 0x377f0682;

/** Two running sums over words of 32 bits. */
type Checksum = readonly [number, number];

interface Frame {
  /** It says that it belongs to this log, and not to one that was here before. */
  readonly hasSalt: boolean;
  readonly endsCommit: boolean;
  /** As it is written in the frame. */
  readonly stored: Checksum;
  /** Of its own bytes, going on from the frame before it. */
  sumFrom(before: Checksum): Checksum;
}

/** Throws DISK_FAILED if the log at `path` is damaged. One that is not there is whole. */
export function checkLog(path: string): void {
  const file = openIfThere(path);
  if (file === null) return;
  try {
    const { size } = fstatSync(file);
    if (size > headerBytes + frameHeaderBytes) checkFrames(new LogFile(file, size));
  } finally {
    closeSync(file);
  }
}

function openIfThere(path: string): number | null {
  try {
    return openSync(path, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

function checkFrames(log: LogFile): void {
  if (!log.hasValidHeader) throw damaged("the header of its log does not match its checksum", null);
  let sum = log.headerSum;
  for (let index = 0; index < log.frameCount; index++) {
    const frame = log.frame(index);
    const next = frame.sumFrom(sum);
    if (!frame.hasSalt || !areEqual(next, frame.stored)) {
      if (wasDurable(log, index, [frame.stored, next])) {
        const what = `frame ${index + 1} of its log does not match its checksum, and later ones do`;
        throw damaged(what, null);
      }
      return;
    }
    sum = next;
  }
}

/** Whether frames that chain on behind a broken one go beyond the end of its commit. */
function wasDurable(log: LogFile, broken: number, sums: readonly Checksum[]): boolean {
  // Either the bytes of the frame are wrong, or the checksum that is written in it.
  return sums.some((sum) => {
    let before = sum;
    // What the broken frame says of itself may be what is wrong with it.
    let commits = log.frame(broken).endsCommit ? 1 : 0;
    for (let index = broken + 1; index < log.frameCount; index++) {
      const frame = log.frame(index);
      before = frame.sumFrom(before);
      if (!frame.hasSalt || !areEqual(before, frame.stored)) return false;
      if (commits > 0) return true;
      if (frame.endsCommit) commits++;
    }
    return false;
  });
}

function areEqual(a: Checksum, b: Checksum): boolean {
  return a[0] === b[0] && a[1] === b[1];
}

/** The log as frames. */
class LogFile {
  readonly frameCount: number;
  readonly headerSum: Checksum;
  readonly hasValidHeader: boolean;
  readonly #file: number;
  readonly #isLittleEndian: boolean;
  readonly #pageBytes: number;
  readonly #salt: Uint8Array;

  constructor(file: number, size: number) {
    this.#file = file;
    const header = this.#read(0, headerBytes);
    this.#isLittleEndian = header.readUInt32BE(0) === magicOfLittleEndian;
    this.#pageBytes = header.readUInt32BE(8);
    this.#salt = header.subarray(16, 24);
    this.headerSum = this.#sum([0, 0], header.subarray(0, 24));
    this.hasValidHeader = areEqual(this.headerSum, storedSum(header, 24));
    const frameBytes = frameHeaderBytes + this.#pageBytes;
    this.frameCount = Math.floor((size - headerBytes) / frameBytes);
  }

  frame(index: number): Frame {
    const bytes = frameHeaderBytes + this.#pageBytes;
    const frame = this.#read(headerBytes + index * bytes, bytes);
    return {
      hasSalt: this.#salt.every((byte, at) => frame[8 + at] === byte),
      endsCommit: frame.readUInt32BE(4) !== 0,
      stored: storedSum(frame, 16),
      sumFrom: (before) =>
        this.#sum(this.#sum(before, frame.subarray(0, 8)), frame.subarray(frameHeaderBytes)),
    };
  }

  #read(at: number, length: number): Buffer {
    const bytes = Buffer.alloc(length);
    readSync(this.#file, bytes, 0, length, at);
    return bytes;
  }

  #sum([first, second]: Checksum, bytes: Buffer): Checksum {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let at = 0; at < bytes.length; at += 8) {
      first = (first + view.getUint32(at, this.#isLittleEndian) + second) >>> 0;
      second = (second + view.getUint32(at + 4, this.#isLittleEndian) + first) >>> 0;
    }
    return [first, second];
  }
}

function storedSum(bytes: Buffer, at: number): Checksum {
  return [bytes.readUInt32BE(at), bytes.readUInt32BE(at + 4)];
}
