/**
 * Names by content: BLAKE2b-256 of canonical JSON, in full, as hex. The same on every machine and
 * in every run, so that a record can be taken up again by anybody.
 *
 * @module
 */

import { blake2b } from "@noble/hashes/blake2.js";
import { canonicalJson } from "./canonical-json.ts";

/** The id of a parameter set. Throws INVALID_ARGUMENT for what JSON cannot say. */
export function parameterSetId(parameters: unknown, root = "parameters"): string {
  return hexOf(digest(canonicalJson(parameters, root)));
}

/** The name of anything that JSON can say. Throws INVALID_ARGUMENT. */
export function contentId(content: unknown): string {
  return hexOf(digest(canonicalJson(content)));
}

/**
 * The seed of one replicate: a whole number of 53 bits, which JSON and every language with doubles
 * carry exactly. It depends on the study's seed, the set and the replicate's number alone, so more
 * replicates or other sets change no seed.
 */
export function replicateSeed(studySeed: number, setId: string, replicate: number): number {
  const text = canonicalJson(["capstan replicate seed 1", studySeed, setId, replicate]);
  const bytes = digest(text);
  return Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0) >> 11n);
}

const utf8 = new TextEncoder();

function digest(text: string): Uint8Array {
  return blake2b(utf8.encode(text), { dkLen: 32 });
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}
