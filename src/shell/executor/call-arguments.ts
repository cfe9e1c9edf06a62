/**
 * The arguments of a call, from what an executor was sent.
 *
 * @module
 */

import { decodeArguments, decodeValue } from "../values/value-codec.ts";

/** An input that could not be decoded, told apart from what user code throws. */
export class InputError extends Error {
  readonly index: number;

  constructor(index: number, cause: unknown) {
    super(`input ${index} could not be decoded`, { cause });
    this.index = index;
  }
}

/** Throws InputError if an input cannot be decoded, PROTOCOL_ERROR if the arguments cannot. */
export function argumentsOf(call: {
  readonly args: Uint8Array;
  readonly inputs: readonly Uint8Array[];
}): readonly unknown[] {
  return decodeArguments(call.args, {
    input: (index) => {
      try {
        return decodeValue(privateBytes(call.inputs[index]));
      } catch (cause) {
        throw new InputError(index, cause);
      }
    },
  });
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  if (value === null || (typeof value !== "object" && typeof value !== "function")) return false;
  return typeof (value as { then?: unknown }).then === "function";
}

/** Shared bytes are copied: what a function does to its arguments must stay its own affair. */
function privateBytes(bytes: Uint8Array): Uint8Array {
  return bytes.buffer instanceof SharedArrayBuffer ? bytes.slice() : bytes;
}
