/**
 * How facts become bytes. A commit's blob is a sequence of turns; a turn is
 *
 *     u32 byte length of the body | u32 number of facts | f64 at | body: the facts, msgpackr
 *
 * Typed arrays come back as typed arrays of their own, never as views of the blob, so that no
 * fact pins a commit in memory. The checksum is CRC-32 over the blob and the row's header.
 *
 * @module
 */

import { crc32 } from "node:zlib";
import { Packr } from "msgpackr";
import type { Micros } from "../../base/time.ts";
import { CapstanError } from "../../model/errors.ts";

const turnHeaderBytes = 16;

/** Plain maps: every packing can be read alone, and what is packed is a few objects at a time. */
const packr = new Packr({ moreTypes: true, copyBuffers: true, useRecords: false });

/** Any plain data with typed arrays as bytes: facts and snapshots. The bytes are a copy. */
export function encodePlain(value: unknown): Uint8Array<ArrayBuffer> {
  return new Uint8Array(packr.pack(value));
}

export function decodePlain(bytes: Uint8Array): unknown {
  return packr.unpack(bytes);
}

/** What identifies a commit beside its facts; all of it is under the checksum. */
export interface CommitHeader {
  readonly first: number;
  readonly last: number;
  readonly epoch: number;
  readonly at: Micros;
}

export function commitChecksum(header: CommitHeader, blob: Uint8Array): number {
  const fields = new Float64Array([header.first, header.last, header.epoch, header.at]);
  return crc32(blob, crc32(new Uint8Array(fields.buffer)));
}

/** Collects turns into the blob of the next commit. */
export class CommitWriter {
  #data = new Uint8Array(64 * 1024);
  #length = 0;

  get byteLength(): number {
    return this.#length;
  }

  pushTurn(facts: readonly unknown[], at: Micros): void {
    const body = packr.pack(facts);
    const start = this.#length;
    this.#reserve(start + turnHeaderBytes + body.length);
    const view = new DataView(this.#data.buffer);
    view.setUint32(start, body.length, true);
    view.setUint32(start + 4, facts.length, true);
    view.setFloat64(start + 8, at, true);
    this.#data.set(body, start + turnHeaderBytes);
    this.#length = start + turnHeaderBytes + body.length;
  }

  /** The blob so far, as a buffer of its own that may be transferred; the writer starts anew. */
  take(): Uint8Array<ArrayBuffer> {
    const blob = this.#data.slice(0, this.#length);
    this.#length = 0;
    if (this.#data.length > 4 * 1024 * 1024) this.#data = new Uint8Array(64 * 1024);
    return blob;
  }

  #reserve(bytes: number): void {
    if (bytes <= this.#data.length) return;
    let capacity = this.#data.length * 2;
    while (capacity < bytes) capacity *= 2;
    const larger = new Uint8Array(capacity);
    larger.set(this.#data.subarray(0, this.#length));
    this.#data = larger;
  }
}

/** One turn of the loop as it was journaled. */
export interface JournaledTurn<Fact> {
  readonly at: Micros;
  readonly facts: readonly Fact[];
}

/** The turns of a blob whose checksum was found right. */
export function* decodeTurns<Fact>(blob: Uint8Array): Generator<JournaledTurn<Fact>> {
  const view = new DataView(blob.buffer, blob.byteOffset, blob.byteLength);
  let at = 0;
  while (at < blob.length) {
    if (at + turnHeaderBytes > blob.length) throw brokenTurn(at);
    const end = at + turnHeaderBytes + view.getUint32(at, true);
    if (end > blob.length) throw brokenTurn(at);
    const facts = decodePlain(blob.subarray(at + turnHeaderBytes, end)) as readonly Fact[];
    if (facts.length !== view.getUint32(at + 4, true)) throw brokenTurn(at);
    yield { at: view.getFloat64(at + 8, true), facts };
    at = end;
  }
}

function brokenTurn(offset: number): CapstanError {
  return new CapstanError("DISK_FAILED", `a journal turn at byte ${offset} of its commit is cut`);
}
