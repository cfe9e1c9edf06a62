/**
 * The body of a call: JSON, bounded.
 *
 * @module
 */

import type { IncomingMessage } from "node:http";
import { CapstanError } from "../../model/errors.ts";
import { discardedBytesMax, requestArrivalMsMax, requestBytesMax } from "./limits.ts";

/**
 * An empty body is an empty request. Throws INVALID_ARGUMENT for what is too large, too slow or no
 * JSON.
 */
export async function readJson(
  request: IncomingMessage,
  arrivalMsMax = requestArrivalMsMax,
): Promise<unknown> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(invalid(`the request did not arrive within ${arrivalMsMax} ms`)),
    arrivalMsMax,
  );
  try {
    return parseText(await Promise.race([readText(request), late.promise]));
  } finally {
    clearTimeout(timer);
  }
}

function parseText(text: string): unknown {
  if (text.trim() === "") return {};
  try {
    return JSON.parse(text);
  } catch (error) {
    throw invalid(`the request is not JSON: ${(error as Error).message}`);
  }
}

async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  // Left open, so that there is somebody to hear the refusal.
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    length += (chunk as Buffer).length;
    if (length <= requestBytesMax) chunks.push(chunk as Buffer);
    else if (length > discardedBytesMax) break;
  }
  if (length > requestBytesMax)
    throw invalid(`the request is larger than ${requestBytesMax} bytes`);
  const bytes = Buffer.concat(chunks);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw invalid("the request is not UTF-8");
  }
}

function invalid(message: string): CapstanError {
  return new CapstanError("INVALID_ARGUMENT", message, { details: { field: "request" } });
}
