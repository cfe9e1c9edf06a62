/**
 * Reads one response of the data plane out of a stream of chunks, and says where the next chunk is
 * best received: large values are read from the socket straight into their final memory.
 *
 * @module
 */

import type { TaskRef } from "../../model/ids.ts";
import { allocateValue } from "../store/value-store.ts";
import { valueFormat } from "../values/value-format.ts";
import { decodeValueHead, responseHeaderBytes, valueStatus } from "./framing.ts";

/** Everything a peer said to one request. */
export interface FetchedValues {
  readonly got: readonly { readonly task: TaskRef; readonly bytes: Uint8Array }[];
  readonly absent: readonly TaskRef[];
  /** The peer serves too many others; the same may be asked again later. */
  readonly busy: readonly TaskRef[];
  /** What came cannot be a value. */
  readonly corrupt: readonly TaskRef[];
}

const scratchBytes = 64 * 1024;
/** Longer reads are slower: what the kernel writes leaves the caches before it is done. */
const directReadBytesMax = 1 << 18;

export class ValueReader {
  readonly #tasks: readonly TaskRef[];
  readonly #scratch = Buffer.allocUnsafeSlow(scratchBytes);
  readonly #head = Buffer.alloc(responseHeaderBytes);
  readonly #got: { task: TaskRef; bytes: Uint8Array }[] = [];
  readonly #absent: TaskRef[] = [];
  readonly #busy: TaskRef[] = [];
  readonly #corrupt: TaskRef[] = [];
  #headLength = 0;
  #index = 0;
  #value: Uint8Array | null = null;
  #valueLength = 0;

  constructor(tasks: readonly TaskRef[]) {
    this.#tasks = tasks;
  }

  get isComplete(): boolean {
    return this.#index === this.#tasks.length;
  }

  /** What has been read; complete when `isComplete`. */
  get values(): FetchedValues {
    return {
      got: this.#got,
      absent: this.#absent,
      busy: this.#busy,
      corrupt: this.#corrupt,
    };
  }

  /** Where the next chunk should be received. */
  nextBuffer(): Buffer {
    const value = this.#value;
    if (value === null) return this.#scratch;
    const left = value.length - this.#valueLength;
    if (left < scratchBytes) return this.#scratch;
    const at = value.byteOffset + this.#valueLength;
    return Buffer.from(value.buffer, at, Math.min(left, directReadBytesMax));
  }

  /** Takes what was received into `chunk`. Throws PROTOCOL_ERROR if it makes no sense. */
  push(chunk: Buffer): void {
    if (this.#value !== null && chunk.buffer === this.#value.buffer) {
      this.#valueLength += chunk.length;
      this.#endValueIfFull();
      return;
    }
    for (let at = 0; at < chunk.length && !this.isComplete; ) {
      at += this.#value === null ? this.#pushHead(chunk, at) : this.#pushValue(chunk, at);
    }
  }

  #pushHead(chunk: Buffer, at: number): number {
    const taken = Math.min(responseHeaderBytes - this.#headLength, chunk.length - at);
    chunk.copy(this.#head, this.#headLength, at, at + taken);
    this.#headLength += taken;
    if (this.#headLength < responseHeaderBytes) return taken;
    this.#headLength = 0;
    const { task, status, length } = decodeValueHead(this.#head, this.#tasks[this.#index]);
    if (status === valueStatus.ok) {
      this.#value = allocateValue(length);
      this.#valueLength = 0;
      this.#endValueIfFull();
    } else {
      (status === valueStatus.absent ? this.#absent : this.#busy).push(task);
      this.#index++;
    }
    return taken;
  }

  #pushValue(chunk: Buffer, at: number): number {
    const value = this.#value;
    if (value === null) return 0;
    const taken = Math.min(value.length - this.#valueLength, chunk.length - at);
    value.set(chunk.subarray(at, at + taken), this.#valueLength);
    this.#valueLength += taken;
    this.#endValueIfFull();
    return taken;
  }

  #endValueIfFull(): void {
    const value = this.#value;
    if (value === null || this.#valueLength < value.length) return;
    const task = this.#tasks[this.#index++];
    this.#value = null;
    if (value[0] !== valueFormat) this.#corrupt.push(task);
    else this.#got.push({ task, bytes: value });
  }
}
