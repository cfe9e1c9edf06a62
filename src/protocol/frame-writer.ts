/**
 * Messages to bytes. The size of a frame is known before its first byte is written, so a message
 * that is too large is refused whole and nothing of it leaves.
 *
 * @module
 */

import { assert, assertNever } from "../base/assert.ts";
import type { Blobs } from "../base/blobs.ts";
import { ByteWriter, joinChunks } from "./byte-writer.ts";
import {
  type ColdCodec,
  coldOpcode,
  type FieldRecord,
  frameHeaderBytes,
  helloOpcode,
  layoutOfType,
  type MessageLayout,
  protocolError,
} from "./frame-format.ts";
import { frameBytesMax, helloBytesMax } from "./limits.ts";
import type { HotMessage, Message } from "./messages.ts";
import type { FieldKind, FieldValues } from "./schema.ts";
import { encodeUtf8, utf8Length } from "./utf8.ts";

/**
 * Encodes messages one after the other. `take` hands over the bytes since the last take.
 *
 * Columns of 64 KiB or more are passed on by reference: a message must not change once written.
 */
export class FrameWriter {
  readonly #out = new ByteWriter();

  /** Bytes written and not yet taken. */
  get byteLength(): number {
    return this.#out.byteLength;
  }

  /**
   * Appends a message as one frame. Throws PROTOCOL_ERROR, with nothing written, if it is larger
   * than `frameBytesMax`.
   */
  writeMessage(message: Message, coldCodec: ColdCodec): void {
    const layout = layoutOfType(message.type);
    if (layout === undefined) this.#writeCold(message, coldCodec);
    else this.#writeHot(message as HotMessage, layout);
  }

  /** Appends a hello (or a refusal of one): JSON, of at most `helloBytesMax`. */
  writeHello(hello: object): void {
    const payload = encodeUtf8(JSON.stringify(hello));
    if (payload.length > helloBytesMax) throw tooLarge("hello", payload.length, helloBytesMax);
    this.#writeHeader(payload.length, helloOpcode);
    this.#out.bytes(payload);
  }

  /** All bytes since the last take, in one array. */
  take(): Uint8Array {
    return joinChunks(this.#out.takeChunks());
  }

  /** The same without joining, for a vectored write. */
  takeChunks(): Uint8Array[] {
    return this.#out.takeChunks();
  }

  #writeHot(message: HotMessage, layout: MessageLayout): void {
    const length = payloadBytes(message, layout);
    if (length > frameBytesMax) throw tooLarge(message.type, length, frameBytesMax);
    this.#writeHeader(length, layout.opcode);
    const record = message as unknown as FieldRecord;
    for (let i = 0; i < layout.names.length; i++) {
      writeField(this.#out, layout.kinds[i], record[layout.names[i]] as FieldValues[FieldKind]);
    }
  }

  #writeCold(message: Message, coldCodec: ColdCodec): void {
    const payload = coldCodec.encode(message);
    if (payload.length > frameBytesMax) throw tooLarge(message.type, payload.length, frameBytesMax);
    this.#writeHeader(payload.length, coldOpcode);
    this.#out.bytes(payload);
  }

  #writeHeader(length: number, opcode: number): void {
    this.#out.u32(length);
    this.#out.u8(opcode);
  }
}

/** A hot message as one whole frame. Throws PROTOCOL_ERROR if it is larger than `frameBytesMax`. */
export function encodeHot(message: HotMessage): Uint8Array {
  const writer = new FrameWriter();
  writer.writeMessage(message, noColdCodec);
  return writer.take();
}

/** Bytes that a hot message takes on the wire, header included. */
export function frameBytesOf(message: HotMessage): number {
  const layout = layoutOfType(message.type);
  assert(layout !== undefined, "only hot messages have a layout");
  return frameHeaderBytes + payloadBytes(message, layout);
}

const noColdCodec: ColdCodec = {
  encode: () => {
    throw protocolError("a cold message needs a codec");
  },
  decode: () => {
    throw protocolError("a cold message needs a codec");
  },
};

function tooLarge(type: string, bytes: number, limit: number): Error {
  return protocolError(
    `a ${type} message of ${bytes} bytes is larger than a frame may be (${limit} bytes); ` +
      "nothing of it was sent",
    { details: { type, bytes, limit } },
  );
}

function payloadBytes(message: HotMessage, layout: MessageLayout): number {
  const record = message as unknown as FieldRecord;
  let bytes = 0;
  for (let i = 0; i < layout.names.length; i++) {
    bytes += fieldBytes(layout.kinds[i], record[layout.names[i]]);
  }
  return bytes;
}

function fieldBytes(kind: FieldKind, value: FieldRecord[string]): number {
  switch (kind) {
    case "u32":
      return 4;
    case "f64":
      return 8;
    case "u8s":
    case "u32s":
    case "f64s":
      return 4 + (value as FieldValues["u8s" | "u32s" | "f64s"]).byteLength;
    case "blobs":
      return blobsBytes(value as Blobs);
    case "strings":
      return stringsBytes(value as readonly string[]);
    default:
      return assertNever(kind);
  }
}

/** The part of `data` that the offsets speak of. */
function dataBytes({ offsets }: Blobs): number {
  return offsets[offsets.length - 1] - offsets[0];
}

function blobsBytes(blobs: Blobs): number {
  return 4 + 4 * (blobs.offsets.length - 1) + dataBytes(blobs);
}

function stringsBytes(strings: readonly string[]): number {
  let bytes = 4 + 4 * strings.length;
  for (const text of strings) bytes += utf8Length(text);
  return bytes;
}

const fieldWriters: {
  readonly [K in FieldKind]: (out: ByteWriter, value: FieldValues[K]) => void;
} = {
  u32: writeU32,
  f64: (out, value) => out.f64(value),
  u8s: writeU8s,
  u32s: writeU32s,
  f64s: writeF64s,
  blobs: writeBlobs,
  strings: writeStrings,
};

function writeField<K extends FieldKind>(out: ByteWriter, kind: K, value: FieldValues[K]): void {
  fieldWriters[kind](out, value);
}

/** Up to so many entries are written one by one: cheaper than making a view of their bytes. */
const fewEntries = 8;

function writeU32(out: ByteWriter, value: number): void {
  assert(value === value >>> 0, "a u32 field holds a whole number below 2^32");
  out.u32(value);
}

function writeU8s(out: ByteWriter, column: Uint8Array): void {
  out.u32(column.length);
  out.bytes(column);
}

function writeU32s(out: ByteWriter, column: Uint32Array): void {
  out.u32(column.length);
  if (column.length <= fewEntries) for (let i = 0; i < column.length; i++) out.u32(column[i]);
  else out.bytes(bytesOf(column));
}

function writeF64s(out: ByteWriter, column: Float64Array): void {
  out.u32(column.length);
  if (column.length <= fewEntries) for (let i = 0; i < column.length; i++) out.f64(column[i]);
  else out.bytes(bytesOf(column));
}

/** Count, the end of each byte string, then all of them in one run. */
function writeBlobs(out: ByteWriter, blobs: Blobs): void {
  const { offsets, data } = blobs;
  const count = offsets.length - 1;
  const base = offsets[0];
  out.u32(count);
  if (count <= fewEntries || base !== 0) {
    for (let i = 1; i <= count; i++) out.u32(offsets[i] - base);
  } else out.bytes(bytesOf(offsets.subarray(1)));
  const end = offsets[count];
  out.bytes(base === 0 && end === data.length ? data : data.subarray(base, end));
}

function writeStrings(out: ByteWriter, strings: readonly string[]): void {
  out.u32(strings.length);
  for (const text of strings) {
    const bytes = encodeUtf8(text);
    out.u32(bytes.length);
    out.bytes(bytes);
  }
}

function bytesOf(column: Uint32Array | Float64Array): Uint8Array {
  return new Uint8Array(column.buffer, column.byteOffset, column.byteLength);
}
