/**
 * One HTTP request on a connection of its own, so that nothing keeps the process alive after it.
 *
 * @module
 */

import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { text } from "node:stream/consumers";
import { CapstanError } from "../model/errors.ts";

export interface HttpRequest {
  readonly url: URL;
  readonly method: string;
  readonly token: string;
  readonly body?: Uint8Array;
  readonly signal?: AbortSignal;
  /** How long the connection may be silent, milliseconds. Default: as long as it is open. */
  readonly stallTimeoutMs?: number;
}

export interface HttpResponse {
  readonly status: number;
  readonly text: string;
}

/** Sends it and reads the answer. Rejects with UNREACHABLE when there is none. */
export async function requestOnce(options: HttpRequest): Promise<HttpResponse> {
  const { url } = options;
  try {
    const response = await send(options);
    return { status: response.statusCode ?? 0, text: await text(response) };
  } catch (error) {
    if (options.signal?.aborted === true) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new CapstanError("UNREACHABLE", `No answer from ${url.origin}: ${reason}`, {
      cause: error,
    });
  }
}

function send({
  url,
  method,
  token,
  body,
  signal,
  stallTimeoutMs,
}: HttpRequest): Promise<IncomingMessage> {
  const request = url.protocol === "https:" ? httpsRequest : httpRequest;
  const headers: Record<string, string> = {};
  if (token !== "") headers.authorization = `Bearer ${token}`;
  if (body !== undefined) {
    headers["content-type"] = "application/octet-stream";
    headers["content-length"] = String(body.length);
  }
  const options = { method, headers, agent: false, ...(signal === undefined ? {} : { signal }) };
  return new Promise((resolve, reject) => {
    const sent = request(url, options, resolve);
    sent.on("error", reject);
    if (stallTimeoutMs !== undefined) {
      const stalled = new Error(`the connection stood still for ${stallTimeoutMs} ms`);
      sent.setTimeout(stallTimeoutMs, () => sent.destroy(stalled));
    }
    sent.end(body);
  });
}
