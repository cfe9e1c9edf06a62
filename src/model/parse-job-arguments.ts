/**
 * The encoded arguments of a job of functions, as the API carries them: base64 (RFC 4648, with
 * padding). What the bytes mean is the value codec's concern.
 *
 * @module
 */

import { decodeBase64 } from "./base64.ts";
import { jobArgumentsBytesMax } from "./limits.ts";
import { invalidArgument, invalidSpec } from "./parse-fields.ts";

const base64Pattern = /^[A-Za-z0-9+/]*={0,2}$/;

/**
 * @throws CapstanError INVALID_ARGUMENT for what is not base64, INVALID_SPEC for nothing at all or
 * for more than `jobArgumentsBytesMax`
 */
export function parseJobArguments(field: string, value: unknown): Uint8Array {
  if (typeof value !== "string" || value.length % 4 !== 0 || !base64Pattern.test(value)) {
    throw invalidArgument(field, value, "base64 with its padding");
  }
  if (value === "") {
    throw invalidSpec(field, "is empty; give the encoded list of arguments, as the SDK writes it");
  }
  const padding = value.endsWith("==") ? 2 : Number(value.endsWith("="));
  const length = (value.length / 4) * 3 - padding;
  if (length > jobArgumentsBytesMax) {
    throw invalidSpec(field, `${length} bytes of arguments; at most ${jobArgumentsBytesMax}`);
  }
  return decodeBase64(value, length);
}
