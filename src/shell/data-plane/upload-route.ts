/**
 * `PUT /v1/values/<task>?cluster=<id>`: a client brings the value of a task, of at most 1 TiB.
 *
 * 200 says that the worker was told of it; whether the value is wanted, and so kept, is for the
 * controller to say. 409 is of another cluster, 503 asks to try again or elsewhere.
 *
 * @module
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import { CapstanError, errorRegistry } from "../../model/errors.ts";
import type { TaskRef } from "../../model/ids.ts";
import { valueSizeBytesMax } from "../../protocol/limits.ts";
import { allocateValue } from "../store/value-store.ts";
import { incomingTransfersMax, transferStallTimeoutMs } from "./limits.ts";

/** Who takes what clients bring. */
export interface UploadSink {
  /** The cluster whose values are kept here; "" before the first connection. */
  readonly clusterId: string;
  brought(task: TaskRef, bytes: Uint8Array): void;
}

const uploadPath = /^\/v1\/values\/(\d{1,16})\?cluster=([A-Za-z0-9_-]{1,255})$/;

/** Where a value is brought, below the address of a worker. */
export function pathOfUpload(task: TaskRef, clusterId: string): string {
  return `/v1/values/${task}?cluster=${clusterId}`;
}

/** Serves the route; one instance for a listener. */
export class UploadRoute {
  /** Null until the worker is ready. */
  sink: UploadSink | null = null;
  #active = 0;

  /** Whether the request is one of these; then it is answered. */
  serve(request: IncomingMessage, response: ServerResponse): boolean {
    const match = uploadPath.exec(request.url ?? "");
    if (match === null || request.method !== "PUT") return false;
    const task = Number(match[1]);
    const length = Number(request.headers["content-length"] ?? Number.NaN);
    const refusal = this.#refusalOf(match[2], task, length);
    if (refusal === null) void this.#take(request, response, { task, length });
    else answer(response, refusal);
    return true;
  }

  #refusalOf(clusterId: string, task: TaskRef, length: number): CapstanError | null {
    if (this.sink === null || this.#active >= incomingTransfersMax) {
      return new CapstanError("OVERLOADED", "this worker takes no more values now: try again");
    }
    if (clusterId !== this.sink.clusterId) {
      return new CapstanError("STALE_EPOCH", "this worker is of another cluster");
    }
    if (!Number.isSafeInteger(task)) return new CapstanError("INVALID_ARGUMENT", "no such task");
    if (Number.isSafeInteger(length) && length >= 0 && length <= valueSizeBytesMax) return null;
    return new CapstanError("INVALID_ARGUMENT", "the length of the value must be said, in bytes");
  }

  async #take(
    request: IncomingMessage,
    response: ServerResponse,
    { task, length }: { readonly task: TaskRef; readonly length: number },
  ): Promise<void> {
    this.#active++;
    request.setTimeout(transferStallTimeoutMs, () => request.destroy());
    try {
      const bytes = await readValue(request, length);
      if (bytes === null) return answer(response, cutShort(length));
      this.sink?.brought(task, bytes);
      response.writeHead(200, { "content-type": "application/json" }).end("{}");
    } catch (error) {
      // The client went away, or there is no memory for it. Anything else is a bug of ours.
      if (error instanceof RangeError) answer(response, noRoom(length));
      else if (!(error instanceof Error && "code" in error)) throw error;
    } finally {
      this.#active--;
    }
  }
}

/** Null if it is not as long as was said. Throws RangeError if there is no memory for it. */
async function readValue(request: IncomingMessage, length: number): Promise<Uint8Array | null> {
  const bytes = allocateValue(length);
  let at = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    if (at + chunk.length > length) return null;
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return at === length ? bytes : null;
}

function cutShort(length: number): CapstanError {
  return new CapstanError("INVALID_ARGUMENT", `the value is not of ${length} bytes, as was said`);
}

function noRoom(length: number): CapstanError {
  return new CapstanError("OVERLOADED", `there is no memory for a value of ${length} bytes`);
}

function answer(response: ServerResponse, error: CapstanError): void {
  // What the request still sends is not read.
  const headers = { "content-type": "application/json", connection: "close" };
  response.writeHead(errorRegistry[error.code].httpStatus, headers).end(JSON.stringify(error));
}
