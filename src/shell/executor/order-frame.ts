/**
 * How orders travel to a lane's thread: one binary frame for all orders of a flush, because a
 * message per order costs forty times as much.
 *
 * A record is 32 bytes of header, one u32 per input (its length, or `isLarge`), then the argument
 * bytes and the small inputs, each on an 8-byte boundary so that typed arrays decode as views.
 * Inputs above `inlineValueBytesMax` travel beside the frame as shared memory.
 *
 * @module
 */

import type { AttemptId, TaskRef } from "../../model/ids.ts";
import { inlineValueBytesMax } from "../../protocol/messages.ts";

const isLarge = 0xffffffff;
const headerBytes = 32;

/** What the thread gets of an order. */
export interface FramedOrder {
  readonly sequence: number;
  /** Index of the function, as told by an earlier or the same message. */
  readonly functionIndex: number;
  readonly attempt: AttemptId;
  readonly task: TaskRef;
  readonly args: Uint8Array;
  /** Private to this execution: a small input is a part of the frame, a large one a copy. */
  readonly inputs: readonly Uint8Array[];
}

/** A large value: shared memory and how much of it counts. */
export interface LargeBytes {
  readonly shared: SharedArrayBuffer;
  readonly length: number;
}

/** A frame that is ready to be posted; `buffer` may be transferred. */
export interface OrderFrame {
  readonly buffer: ArrayBuffer;
  readonly count: number;
  readonly large: readonly LargeBytes[];
}

/** Collects orders into one frame. */
export class OrderFrameWriter {
  #bytes = new Uint8Array(16 * 1024);
  #u32 = new Uint32Array(this.#bytes.buffer);
  #f64 = new Float64Array(this.#bytes.buffer);
  #length = 0;
  #large: LargeBytes[] = [];
  count = 0;

  /** Adds an order. An input above `inlineValueBytesMax` must be in shared memory. */
  write(order: FramedOrder): void {
    const { args, inputs } = order;
    let at = this.#length;
    this.#reserve(at + sizeOf(order));
    this.#u32[at >> 2] = order.sequence;
    this.#u32[(at >> 2) + 1] = order.functionIndex;
    this.#f64[(at >> 3) + 1] = order.attempt;
    this.#f64[(at >> 3) + 2] = order.task;
    this.#u32[(at >> 2) + 6] = args.length;
    this.#u32[(at >> 2) + 7] = inputs.length;
    at += headerBytes;
    for (let i = 0; i < inputs.length; i++) this.#u32[(at >> 2) + i] = this.#lengthWord(inputs[i]);
    at = this.#put(args, at + aligned(inputs.length * 4));
    for (const input of inputs) if (isSmall(input)) at = this.#put(input, at);
    this.#length = at;
    this.count++;
  }

  /** The frame so far; the next order starts a new one. */
  take(): OrderFrame {
    const buffer = this.#bytes.buffer.slice(0, this.#length);
    const frame = { buffer, count: this.count, large: this.#large };
    if (this.#bytes.length > 1 << 20) this.#use(new Uint8Array(16 * 1024));
    this.clear();
    return frame;
  }

  clear(): void {
    this.#length = 0;
    this.#large = [];
    this.count = 0;
  }

  #lengthWord(input: Uint8Array): number {
    if (isSmall(input)) return input.length;
    const { buffer, length, byteOffset } = input;
    if (!(buffer instanceof SharedArrayBuffer) || byteOffset !== 0) {
      throw new TypeError("a large input must be the beginning of shared memory");
    }
    this.#large.push({ shared: buffer, length });
    return isLarge;
  }

  #put(part: Uint8Array, at: number): number {
    if (part.length > 64) this.#bytes.set(part, at);
    else for (let i = 0; i < part.length; i++) this.#bytes[at + i] = part[i];
    return at + aligned(part.length);
  }

  #reserve(end: number): void {
    let capacity = this.#bytes.length;
    if (end <= capacity) return;
    while (capacity < end) capacity *= 2;
    const larger = new Uint8Array(capacity);
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#use(larger);
  }

  #use(bytes: Uint8Array<ArrayBuffer>): void {
    this.#bytes = bytes;
    this.#u32 = new Uint32Array(bytes.buffer);
    this.#f64 = new Float64Array(bytes.buffer);
  }
}

/** Reads a frame, one order at a time. */
export class OrderFrameReader {
  readonly #bytes: Uint8Array;
  readonly #u32: Uint32Array;
  readonly #f64: Float64Array;
  readonly #large: readonly LargeBytes[];
  #at = 0;
  #largeAt = 0;

  constructor(frame: OrderFrame) {
    this.#bytes = new Uint8Array(frame.buffer);
    this.#u32 = new Uint32Array(frame.buffer);
    this.#f64 = new Float64Array(frame.buffer);
    this.#large = frame.large;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  next(): FramedOrder {
    const start = this.#at;
    const argsLength = this.#u32[(start >> 2) + 6];
    const inputCount = this.#u32[(start >> 2) + 7];
    const lengths = (start + headerBytes) >> 2;
    this.#at = start + headerBytes + aligned(inputCount * 4);
    const args = this.#get(argsLength);
    const inputs: Uint8Array[] = [];
    for (let i = 0; i < inputCount; i++) inputs.push(this.#input(this.#u32[lengths + i]));
    return {
      sequence: this.#u32[start >> 2],
      functionIndex: this.#u32[(start >> 2) + 1],
      attempt: this.#f64[(start >> 3) + 1],
      task: this.#f64[(start >> 3) + 2],
      args,
      inputs,
    };
  }

  #input(length: number): Uint8Array {
    if (length !== isLarge) return this.#get(length);
    const large = this.#large[this.#largeAt++];
    return new Uint8Array(large.shared, 0, large.length);
  }

  #get(length: number): Uint8Array {
    const part = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += aligned(length);
    return part;
  }
}

function isSmall(input: Uint8Array): boolean {
  return input.length <= inlineValueBytesMax;
}

function sizeOf(order: FramedOrder): number {
  let size = headerBytes + aligned(order.inputs.length * 4) + aligned(order.args.length);
  for (const input of order.inputs) if (isSmall(input)) size += aligned(input.length);
  return size;
}

function aligned(length: number): number {
  return (length + 7) & ~7;
}
