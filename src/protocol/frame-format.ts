/**
 * How a frame looks: `[u32 payload length][u8 opcode][payload]`, little-endian, and the layout of
 * each hot message as the writer and the reader use it. Knows no bytes.
 *
 * @module
 */

import { assert } from "../base/assert.ts";
import { CapstanError } from "../model/errors.ts";
import { type HotMessage, hotMessages } from "./messages.ts";
import type { FieldKind, FieldValues, MessageSchema } from "./schema.ts";

/** Bytes before the payload of each frame. */
export const frameHeaderBytes = 5;

/** A cold message: the bytes of the plugged-in codec. */
export const coldOpcode = 200;

/** The first frame of each side: JSON in UTF-8, so that versions can meet. */
export const helloOpcode = 255;

/** Turns cold messages into bytes and back. `decode` may throw anything on what it refuses. */
export interface ColdCodec {
  encode(value: unknown): Uint8Array;
  decode(bytes: Uint8Array): unknown;
}

/** One hot message: its fields in wire order. */
export interface MessageLayout {
  readonly type: HotMessage["type"];
  readonly opcode: number;
  readonly names: readonly string[];
  readonly kinds: readonly FieldKind[];
}

/** Any hot message as the codec sees it: fields by name. */
export type FieldRecord = { [name: string]: FieldValues[FieldKind] | string };

const layoutsByType = new Map<string, MessageLayout>();
const layoutsByOpcode: (MessageLayout | undefined)[] = [];

for (const [type, schema] of Object.entries(hotMessages) as [HotMessage["type"], MessageSchema][]) {
  const names = Object.keys(schema.fields);
  const kinds = names.map((name) => schema.fields[name]);
  const layout = { type, opcode: schema.opcode, names, kinds };
  assert(layoutsByOpcode[schema.opcode] === undefined, "an opcode belongs to one message");
  layoutsByType.set(type, layout);
  layoutsByOpcode[schema.opcode] = layout;
}

/** The layout of a hot message, or undefined: then it is cold. */
export function layoutOfType(type: string): MessageLayout | undefined {
  return layoutsByType.get(type);
}

/** The layout that an opcode stands for, or undefined: cold, hello, or not known. */
export function layoutOfOpcode(opcode: number): MessageLayout | undefined {
  return layoutsByOpcode[opcode];
}

/** The error of a malformed, misplaced or oversized frame. */
export function protocolError(
  message: string,
  options: { details?: { readonly [name: string]: unknown }; cause?: unknown } = {},
): CapstanError {
  return new CapstanError("PROTOCOL_ERROR", message, options);
}

// Columns are copied as they lie in memory: right only where memory is little-endian, as the wire.
assert(
  new Uint8Array(new Uint32Array([1]).buffer)[0] === 1,
  "Capstan runs on little-endian machines only",
);
