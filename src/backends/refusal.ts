/**
 * Why an entry of ours ended before it served: it tells whoever started it over the channel between
 * the two, and that one says it to people. Its log is for what happens later.
 *
 * @module
 */

import type { ChildProcess } from "node:child_process";
import { CapstanError, type ErrorCode, errorRegistry } from "../model/errors.ts";

/** Resolves when the channel is closed: what the child refused with. Null at once without one. */
export function refusalOf(child: ChildProcess): Promise<CapstanError | null> {
  if (!child.connected) return Promise.resolve(null);
  let refusal: CapstanError | null = null;
  child.on("message", (message) => {
    refusal ??= parseRefusal(message);
  });
  return new Promise((resolve) => {
    child.once("disconnect", () => resolve(refusal));
  });
}

/** An error in the form of the API, as `CapstanError` writes it. */
function parseRefusal(message: unknown): CapstanError | null {
  const { error } = message as { error?: { code?: unknown; message?: unknown; details?: object } };
  const code = String(error?.code);
  if (!Object.hasOwn(errorRegistry, code)) return null;
  return new CapstanError(code as ErrorCode, String(error?.message), {
    details: { ...error?.details },
  });
}
