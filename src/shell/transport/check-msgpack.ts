/**
 * Looks over MessagePack of a peer before the library decodes it: lengths against what is there,
 * depth, and only those extensions that stand for plain data. References, records, regular
 * expressions and the like are refused: they could make cycles or code out of bytes.
 *
 * @module
 */

import { protocolError } from "../../protocol/frame-format.ts";
import { coldDepthMax } from "../../protocol/limits.ts";

/** `undefined`, a typed array, a time: the extensions that a cold message may hold. */
const extensionsAllowed: ReadonlySet<number> = new Set([0x00, 0x74, 0xff]);

/** Throws PROTOCOL_ERROR unless `bytes` is one whole, harmless MessagePack value. */
export function checkMsgpack(bytes: Uint8Array): void {
  const scan = new MsgpackScan(bytes);
  /** How many values are still owed at each open level. */
  const owed = [1];
  while (owed.length > 0) {
    if (owed[owed.length - 1] === 0) {
      owed.pop();
      continue;
    }
    owed[owed.length - 1]--;
    const children = scan.value();
    if (children === 0) continue;
    owed.push(children);
    if (owed.length > coldDepthMax) throw refused(`is nested deeper than ${coldDepthMax}`);
  }
  if (scan.at !== bytes.length) throw refused("has bytes after its end");
}

class MsgpackScan {
  readonly #bytes: Uint8Array;
  at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Steps over one value's head, and its body if it is flat; returns how many values follow. */
  value(): number {
    const token = this.#length(1);
    if (token < 0x80 || token >= 0xe0) return 0;
    if (token < 0x90) return this.#container(2 * (token & 0x0f));
    if (token < 0xa0) return this.#container(token & 0x0f);
    if (token < 0xc0) return this.#skip(token & 0x1f);
    return this.#marked(token);
  }

  #marked(token: number): number {
    if (token === 0xc1) throw refused("holds the unused byte 0xc1");
    if (token <= 0xc3) return 0;
    if (token <= 0xc6) return this.#skip(this.#length(1 << (token - 0xc4)));
    if (token <= 0xc9) return this.#extension(this.#length(1 << (token - 0xc7)));
    if (token <= 0xcb) return this.#skip(4 << (token - 0xca));
    if (token <= 0xd3) return this.#skip(1 << ((token - 0xcc) & 3));
    if (token <= 0xd8) return this.#extension(1 << (token - 0xd4));
    if (token <= 0xdb) return this.#skip(this.#length(1 << (token - 0xd9)));
    if (token <= 0xdd) return this.#container(this.#length(2 << (token - 0xdc)));
    return this.#container(2 * this.#length(2 << (token - 0xde)));
  }

  #extension(length: number): number {
    const type = this.#length(1);
    if (!extensionsAllowed.has(type)) throw refused(`holds the extension ${type}`);
    return this.#skip(length);
  }

  /** Each value takes a byte at least. */
  #container(children: number): number {
    if (children > this.#bytes.length - this.at) throw refused("is truncated");
    return children;
  }

  #skip(length: number): 0 {
    this.at += length;
    if (this.at > this.#bytes.length) throw refused("is truncated");
    return 0;
  }

  /** A big-endian number of `width` bytes. */
  #length(width: number): number {
    let length = 0;
    for (let i = 0; i < width; i++) length = length * 256 + this.#bytes[this.at + i];
    this.#skip(width);
    return length;
  }
}

function refused(why: string): Error {
  return protocolError(`the MessagePack of a cold message ${why}`);
}
