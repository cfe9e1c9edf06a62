/**
 * How a worker and a function's process speak over their socket: a head, which is a plain object in
 * the format of values, and parts, which are bytes. Little-endian.
 *
 *     u32 head bytes, u32 parts, parts x f64 length, head, the bytes of each part
 *
 * A part above `inlineValueBytesMax` is written from the memory that it is in, and read into the
 * memory that it stays in where the socket lets us say which that is: neither side copies it.
 *
 * @module
 */

import type { Socket } from "node:net";
import { CapstanError } from "../../model/errors.ts";
import { inlineValueBytesMax } from "../../protocol/messages.ts";
import { valueBytesMax } from "../values/limits.ts";
import { decodeValue, encodeValue } from "../values/value-codec.ts";
import { frameHeadBytesMax, framePartsMax } from "./limits.ts";

export interface Frame {
  readonly head: unknown;
  readonly parts: readonly Uint8Array[];
}

const preludeBytes = 8;
const scratchBytes = 64 * 1024;
/** Longer reads are slower: what the kernel writes leaves the caches before it is done. */
const directReadBytesMax = 1 << 18;

/** Writes one frame. The parts must not change until the socket has taken them. */
export function writeFrame(socket: Socket, { head, parts }: Frame): void {
  const encoded = encodeValue(head, { root: "frame" });
  const start = Buffer.allocUnsafe(preludeBytes + parts.length * 8 + encoded.length);
  start.writeUInt32LE(encoded.length, 0);
  start.writeUInt32LE(parts.length, 4);
  parts.forEach((part, i) => {
    start.writeDoubleLE(part.length, preludeBytes + i * 8);
  });
  start.set(encoded, preludeBytes + parts.length * 8);
  socket.cork();
  let small: Uint8Array[] = [start];
  for (const part of parts) {
    if (part.length <= inlineValueBytesMax) small.push(part);
    else {
      socket.write(joined(small));
      socket.write(Buffer.from(part.buffer, part.byteOffset, part.length));
      small = [];
    }
  }
  if (small.length > 0) socket.write(joined(small));
  socket.uncork();
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  return pieces.length === 1 ? pieces[0] : Buffer.concat(pieces);
}

export interface FrameReaderOptions {
  /** Room for a part, which whoever gets the frame owns. */
  readonly allocate: (length: number) => Uint8Array;
  readonly onFrame: (frame: Frame) => void;
}

/** Puts the frames of one socket together. */
export class FrameReader {
  readonly #options: FrameReaderOptions;
  readonly #scratch = Buffer.allocUnsafeSlow(scratchBytes);
  readonly #prelude = new Uint8Array(preludeBytes);
  #stage: "prelude" | "head" | "parts" = "prelude";
  /** What is being filled. */
  #target: Uint8Array = this.#prelude;
  #filled = 0;
  #lengths: number[] = [];
  #head: unknown = null;
  #parts: Uint8Array[] = [];

  constructor(options: FrameReaderOptions) {
    this.#options = options;
  }

  /** Where the next chunk should be received, for who can say. */
  nextBuffer(): Buffer {
    const left = this.#target.length - this.#filled;
    if (left < scratchBytes) return this.#scratch;
    const at = this.#target.byteOffset + this.#filled;
    return Buffer.from(this.#target.buffer, at, Math.min(left, directReadBytesMax));
  }

  /** Takes what was received. Throws PROTOCOL_ERROR if it makes no sense; `onFrame` may throw. */
  push(chunk: Buffer): void {
    if (chunk.buffer === this.#target.buffer) {
      this.#filled += chunk.length;
      this.#advance();
      return;
    }
    for (let at = 0; at < chunk.length; ) {
      const count = Math.min(this.#target.length - this.#filled, chunk.length - at);
      this.#target.set(chunk.subarray(at, at + count), this.#filled);
      this.#filled += count;
      at += count;
      this.#advance();
    }
  }

  #advance(): void {
    while (this.#filled === this.#target.length) {
      if (this.#stage === "prelude") this.#onPrelude();
      else if (this.#stage === "head") this.#onHead();
      else this.#onPart();
    }
  }

  #onPrelude(): void {
    const view = viewOf(this.#prelude);
    const headBytes = view.getUint32(0, true);
    const partCount = view.getUint32(4, true);
    if (headBytes === 0 || headBytes > frameHeadBytesMax || partCount > framePartsMax) {
      throw nonsense(`a frame with a head of ${headBytes} bytes and ${partCount} parts`);
    }
    this.#lengths = new Array(partCount);
    this.#fill("head", new Uint8Array(partCount * 8 + headBytes));
  }

  #onHead(): void {
    const view = viewOf(this.#target);
    for (let i = 0; i < this.#lengths.length; i++) {
      const length = view.getFloat64(i * 8, true);
      if (!Number.isSafeInteger(length) || length < 0 || length > valueBytesMax) {
        throw nonsense(`a part of ${length} bytes`);
      }
      this.#lengths[i] = length;
    }
    this.#head = decodeValue(this.#target.slice(this.#lengths.length * 8));
    this.#parts = [];
    this.#nextPart();
  }

  #onPart(): void {
    this.#parts.push(this.#target);
    this.#nextPart();
  }

  #nextPart(): void {
    if (this.#parts.length < this.#lengths.length) {
      return this.#fill("parts", this.#options.allocate(this.#lengths[this.#parts.length]));
    }
    const frame = { head: this.#head, parts: this.#parts };
    this.#fill("prelude", this.#prelude);
    this.#options.onFrame(frame);
  }

  #fill(stage: "prelude" | "head" | "parts", target: Uint8Array): void {
    this.#stage = stage;
    this.#target = target;
    this.#filled = 0;
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

function nonsense(what: string): CapstanError {
  return new CapstanError("PROTOCOL_ERROR", `a function's process and its worker: ${what}`);
}
