/**
 * Bytes to messages. Chunks come in as the network cut them; whole messages come out. A frame that
 * breaks the rules ends the reader: what came before it in order is still handed out.
 *
 * @module
 */

import { CapstanError } from "../model/errors.ts";
import { ByteReader } from "./byte-reader.ts";
import {
  type ColdCodec,
  coldOpcode,
  type FieldRecord,
  frameHeaderBytes,
  helloOpcode,
  layoutOfOpcode,
  layoutOfType,
  type MessageLayout,
  protocolError,
} from "./frame-format.ts";
import { frameBytesMax, helloBytesMax } from "./limits.ts";
import type { ColdMessage, HotMessage, Message } from "./messages.ts";
import { readUtf8 } from "./utf8.ts";

const noBytes = new Uint8Array(0);

/**
 * Reads one direction of one connection: `feed` it every chunk, then take.
 *
 * Its memory is at most twice what was received and not yet taken, whatever a header announces.
 */
export class FrameReader {
  readonly #coldCodec: ColdCodec;
  #bytes: Uint8Array = noBytes;
  #start = 0;
  #end = 0;
  /** The bytes are a buffer of this reader, with room to append, and not a caller's chunk. */
  #owned = false;
  #error: CapstanError | null = null;

  constructor(coldCodec: ColdCodec) {
    this.#coldCodec = coldCodec;
  }

  /** What is wrong with the stream, once something is: nothing more will come out. */
  get error(): CapstanError | null {
    return this.#error;
  }

  /** Bytes that wait for the rest of their frame. */
  get pendingBytes(): number {
    return this.#end - this.#start;
  }

  /** Adds the next bytes of the stream. The chunk must not be written to afterwards. */
  feed(chunk: Uint8Array): void {
    if (this.#error !== null || chunk.length === 0) return;
    if (this.#start === this.#end) {
      this.#bytes = chunk;
      this.#start = 0;
      this.#end = chunk.length;
      this.#owned = false;
    } else this.#append(chunk);
  }

  /** Every whole message that was fed and not yet taken. Look at `error` afterwards. */
  takeMessages(): Message[] {
    const messages: Message[] = [];
    if (this.#error !== null || this.pendingBytes < frameHeaderBytes) return messages;
    const reader = new ByteReader(this.#bytes);
    this.#guarded(() => {
      for (;;) {
        const message = this.#nextMessage(reader);
        if (message === null) return;
        messages.push(message);
      }
    });
    if (this.#start === this.#end) this.#bytes = noBytes;
    return messages;
  }

  /** The first frame, which must be a hello, as parsed JSON; null until it is whole. */
  takeHello(): { readonly hello: unknown } | null {
    if (this.#error !== null) return null;
    return this.#guarded(() => this.#nextHello()) ?? null;
  }

  /** The stream has ended: an error if it did so inside a frame. */
  end(): void {
    const pending = this.pendingBytes;
    if (this.#error !== null || pending === 0) return;
    this.#fail(protocolError(`the connection ended ${pending} bytes into an unfinished frame`));
  }

  #guarded<T>(read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof CapstanError)) throw error;
      this.#fail(error);
      return undefined;
    }
  }

  #fail(error: CapstanError): void {
    this.#error = error;
    this.#bytes = noBytes;
    this.#start = 0;
    this.#end = 0;
  }

  #nextMessage(reader: ByteReader): Message | null {
    const length = this.#payloadLength(frameBytesMax);
    if (length < 0) return null;
    const opcode = this.#bytes[this.#start + 4];
    const layout = layoutOfOpcode(opcode);
    if (layout === undefined && opcode !== coldOpcode) throw unexpectedOpcode(opcode);
    const payload = this.#start + frameHeaderBytes;
    if (this.#end - payload < length) return null;
    this.#start = payload + length;
    if (layout === undefined) return this.#decodeCold(this.#bytes.subarray(payload, this.#start));
    reader.begin(payload, this.#start, layout.type);
    return decodeFields(reader, layout);
  }

  #nextHello(): { readonly hello: unknown } | null {
    const length = this.#payloadLength(helloBytesMax);
    if (length < 0) return null;
    const opcode = this.#bytes[this.#start + 4];
    if (opcode !== helloOpcode) {
      throw protocolError(`the first frame must be a hello (${helloOpcode}), not opcode ${opcode}`);
    }
    const payload = this.#start + frameHeaderBytes;
    if (this.#end - payload < length) return null;
    this.#start = payload + length;
    return { hello: parseJson(readUtf8(this.#bytes, payload, this.#start)) };
  }

  /** Of the frame at the front; -1 while its header is not whole. */
  #payloadLength(limit: number): number {
    if (this.#end - this.#start < frameHeaderBytes) return -1;
    const length = lengthAt(this.#bytes, this.#start);
    if (length > limit) {
      throw protocolError(`a frame of ${length} bytes is larger than the limit of ${limit} bytes`, {
        details: { bytes: length, limit },
      });
    }
    return length;
  }

  #decodeCold(payload: Uint8Array): ColdMessage {
    const value = this.#decodeColdValue(payload);
    const type = typeof value === "object" && value !== null ? Object(value).type : undefined;
    if (typeof type !== "string") throw protocolError("a cold message must have a `type`");
    if (layoutOfType(type) !== undefined) {
      throw protocolError(`a ${type} message must travel in its own layout, not as a cold one`);
    }
    return value as ColdMessage;
  }

  #decodeColdValue(payload: Uint8Array): unknown {
    try {
      return this.#coldCodec.decode(payload);
    } catch (error) {
      if (error instanceof CapstanError) throw error;
      throw protocolError(`a cold message cannot be decoded: ${String(error)}`, { cause: error });
    }
  }

  #append(chunk: Uint8Array): void {
    const pending = this.#end - this.#start;
    const needed = pending + chunk.length;
    if (!this.#owned || this.#end + chunk.length > this.#bytes.length) this.#relocate(needed);
    this.#bytes.set(chunk, this.#end);
    this.#end += chunk.length;
  }

  /** Moves what is pending to the front of a buffer with room to grow. */
  #relocate(needed: number): void {
    const larger = new Uint8Array(2 * needed);
    larger.set(this.#bytes.subarray(this.#start, this.#end));
    this.#end -= this.#start;
    this.#start = 0;
    this.#bytes = larger;
    this.#owned = true;
  }
}

function decodeFields(reader: ByteReader, layout: MessageLayout): HotMessage {
  const record: FieldRecord = { type: layout.type };
  for (let i = 0; i < layout.names.length; i++) {
    record[layout.names[i]] = reader.field(layout.names[i], layout.kinds[i]);
  }
  reader.finish();
  return record as unknown as HotMessage;
}

function lengthAt(bytes: Uint8Array, at: number): number {
  const low = bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16);
  return (low | (bytes[at + 3] << 24)) >>> 0;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw protocolError("the hello is not JSON", { cause: error });
  }
}

function unexpectedOpcode(opcode: number): Error {
  if (opcode === helloOpcode) return protocolError("a second hello on one connection");
  return protocolError(`opcode ${opcode} is not known`);
}
