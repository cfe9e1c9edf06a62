/**
 * Bundles over HTTP. Their bytes go past the framework, from the socket to the disk and back: there
 * may be hundreds of megabytes.
 *
 * @module
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { CapstanError } from "../../model/errors.ts";
import type { BundleStore } from "./bundle-store.ts";
import { answerJson } from "./http-answers.ts";

/** 201 for one that is new, 200 for one that was here. */
export async function storeBundle(
  bundles: BundleStore,
  hash: string,
  request: IncomingMessage,
): Promise<Response> {
  const isNew = await bundles.write(hash, request.iterator({ destroyOnReturn: false }));
  return answerJson(isNew ? 201 : 200, { bundle: hash });
}

/** Its bytes, or for HEAD its size only. Throws NOT_FOUND. */
export async function serveBundle(
  bundles: BundleStore,
  hash: string,
  response: ServerResponse,
  isHead: boolean,
): Promise<Response> {
  const size = await bundles.sizeOf(hash);
  if (size === null) throw new CapstanError("NOT_FOUND", `there is no bundle ${hash}`);
  const headers = {
    "Content-Type": "application/octet-stream",
    "Content-Length": String(size),
    "Cache-Control": "immutable",
    "X-Content-Type-Options": "nosniff",
  };
  if (isHead) return new Response(null, { headers });
  response.writeHead(200, headers);
  try {
    await pipeline(bundles.read(hash), response);
  } catch {
    response.destroy(); // Whoever reads it sees that it is cut short.
  }
  return RESPONSE_ALREADY_SENT;
}
