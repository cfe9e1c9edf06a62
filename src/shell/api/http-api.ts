/**
 * The HTTP side of the one port: pages, health, API calls and bundles. It turns requests into
 * calls of its backend and answers or errors into responses; it knows nothing of the kernel.
 *
 * @module
 */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import { CapstanError, errorRegistry } from "../../model/errors.ts";
import type { Logger } from "../logging/logger.ts";
import { checkHostAndOrigin, checkToken, type GuardOptions } from "../transport/http-guard.ts";
import type { BundleStore } from "./bundle-store.ts";
import { requestBytesMax } from "./limits.ts";
import { statusPage } from "./status-page.ts";

/** What `/readyz` says. */
export interface Readiness {
  readonly ready: boolean;
  /** Why not, as sentences; empty when ready. */
  readonly reasons: readonly string[];
  /** What does not work as it should although the controller serves. */
  readonly degraded: readonly string[];
}

export interface ApiBackend {
  readonly guard: GuardOptions;
  readonly bundles: BundleStore;
  readonly logger: Logger;
  readiness(): Readiness;
  /** Answers an API method; the answer is durable. Rejects with CapstanError. */
  call(method: string, request: unknown): Promise<unknown>;
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly path: string;
}

/** A server that is not listening yet. */
export function createApiServer(backend: ApiBackend): Server {
  return createServer((request, response) => {
    const path = (request.url ?? "/").split("?", 1)[0];
    serve({ request, response, path }, backend).catch((error: unknown) => {
      answerError(response, error, backend.logger);
    });
  });
}

async function serve(exchange: Exchange, backend: ApiBackend): Promise<void> {
  const { request, path } = exchange;
  const denied = checkHostAndOrigin(request, backend.guard.hosts);
  if (denied !== null) throw denied;
  if (serveOpenly(exchange, backend)) return;
  const stranger = checkToken(request, backend.guard.token);
  if (stranger !== null) throw stranger;
  const method = /^\/v1\/rpc\/([A-Za-z]+)$/.exec(path)?.[1];
  const hash = /^\/v1\/bundles\/([0-9a-f]{64})$/.exec(path)?.[1];
  if (method !== undefined) await serveCall(exchange, method, backend);
  else if (hash !== undefined) await serveBundle(exchange, hash, backend.bundles);
  else throw notFound(`there is no page ${path}`);
}

/** What needs no token: it says nothing about anybody's work. */
function serveOpenly({ request, response, path }: Exchange, backend: ApiBackend): boolean {
  if (request.method !== "GET" && request.method !== "HEAD") return false;
  if (path === "/") {
    response.setHeader("Content-Security-Policy", statusPage.contentSecurityPolicy);
    answer(response, 200, "text/html; charset=utf-8", statusPage.html);
  } else if (path === "/healthz") answerJson(response, 200, { ok: true });
  else if (path === "/readyz") {
    const readiness = backend.readiness();
    answerJson(response, readiness.ready ? 200 : 503, readiness);
  } else return false;
  return true;
}

async function serveCall(
  { request, response, path }: Exchange,
  method: string,
  backend: ApiBackend,
): Promise<void> {
  if (request.method !== "POST") throw notFound(`${path} is called with POST`);
  answerJson(response, 200, await backend.call(method, await readJson(request)));
}

async function serveBundle(
  { request, response, path }: Exchange,
  hash: string,
  bundles: BundleStore,
): Promise<void> {
  if (request.method === "PUT") {
    const isNew = await bundles.write(hash, request);
    answerJson(response, isNew ? 201 : 200, { bundle: hash });
    return;
  }
  if (request.method !== "GET" && request.method !== "HEAD") {
    throw notFound(`${path} is used with GET, HEAD and PUT`);
  }
  const size = await bundles.sizeOf(hash);
  if (size === null) throw notFound(`there is no bundle ${hash}`);
  response.writeHead(200, {
    "Content-Type": "text/javascript",
    "Content-Length": size,
    "Cache-Control": "immutable",
  });
  if (request.method === "HEAD") response.end();
  else await pipeline(bundles.read(hash), response);
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > requestBytesMax) {
      throw invalid(`the request is larger than ${requestBytesMax} bytes`);
    }
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString("utf8");
  if (text.trim() === "") return {};
  try {
    return JSON.parse(text);
  } catch (error) {
    throw invalid(`the request is not JSON: ${(error as Error).message}`);
  }
}

function answerError(response: ServerResponse, thrown: unknown, logger: Logger): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const error = thrown instanceof CapstanError ? thrown : bug(thrown, logger);
  // A body that was not read to its end leaves the connection unusable.
  response.setHeader("Connection", "close");
  if (error.code === "UNAUTHENTICATED") response.setHeader("WWW-Authenticate", "Bearer");
  answerJson(response, errorRegistry[error.code].httpStatus, error);
}

function bug(thrown: unknown, logger: Logger): CapstanError {
  logger.error({ err: thrown }, "a request failed in a way that it should not");
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new CapstanError("BUG", message, { cause: thrown });
}

function answerJson(response: ServerResponse, status: number, body: unknown): void {
  answer(response, status, "application/json", JSON.stringify(body));
}

function answer(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, {
    "Content-Type": type,
    "Content-Length": Buffer.byteLength(body),
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
  });
  response.end(body);
}

function notFound(message: string): CapstanError {
  return new CapstanError("NOT_FOUND", message);
}

function invalid(message: string): CapstanError {
  return new CapstanError("INVALID_ARGUMENT", message);
}
