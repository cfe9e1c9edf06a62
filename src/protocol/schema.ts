/**
 * The one description of every hot message: which columns it has, and the TypeScript type that
 * follows. The encoder, the decoder, the golden vectors and the fuzzers all read this table.
 *
 * @module
 */

import type { Blobs } from "../base/blobs.ts";

/** How a field travels. Columns are little-endian typed arrays after a u32 count. */
export type FieldKind = "u32" | "f64" | "u8s" | "u32s" | "f64s" | "blobs" | "strings";

/** Opcode (1–199) and fields, in wire order. */
export interface MessageSchema {
  readonly opcode: number;
  readonly fields: { readonly [name: string]: FieldKind };
}

/** The value that a field of each kind holds in memory. */
export interface FieldValues {
  u32: number;
  f64: number;
  u8s: Uint8Array;
  u32s: Uint32Array;
  f64s: Float64Array;
  blobs: Blobs;
  strings: readonly string[];
}

type Fields<S extends MessageSchema> = {
  readonly [F in keyof S["fields"]]: FieldValues[S["fields"][F]];
};

/** The union of the messages that a table describes, discriminated by `type`. */
export type MessagesOf<Table extends { readonly [type: string]: MessageSchema }> = {
  [T in keyof Table & string]: { readonly type: T } & Fields<Table[T]>;
}[keyof Table & string];
