/**
 * Answers over HTTP: never kept by a cache, never guessed at by a browser.
 *
 * @module
 */

import { randomUUID } from "node:crypto";
import { CapstanError, errorRegistry } from "../../model/errors.ts";
import type { Logger } from "../logging/logger.ts";

type Headers = { readonly [name: string]: string };

export function answerJson(status: number, body: unknown, headers: Headers = {}): Response {
  return answerText(status, "application/json", JSON.stringify(body), headers);
}

export function answerText(
  status: number,
  type: string,
  body: string,
  headers: Headers = {},
): Response {
  return new Response(body, {
    status,
    headers: {
      "Content-Type": type,
      "Content-Length": String(Buffer.byteLength(body)),
      "Cache-Control": "no-store",
      "X-Content-Type-Options": "nosniff",
      ...headers,
    },
  });
}

/** Of what was thrown: its code, or BUG with an id under which the log says more. */
export function answerError(thrown: unknown, logger: Logger): Response {
  const error = asAnswer(thrown, logger);
  const challenge = error.code === "UNAUTHENTICATED" ? { "WWW-Authenticate": "Bearer" } : {};
  // A body that was not read to its end leaves the connection unusable.
  const headers: Headers = { Connection: "close", ...challenge };
  return answerJson(errorRegistry[error.code].httpStatus, error, headers);
}

/** A caller that left in the middle of its body is no bug, and hears no answer either. */
function asAnswer(thrown: unknown, logger: Logger): CapstanError {
  if (thrown instanceof CapstanError) return thrown;
  if (thrown instanceof Error && "code" in thrown && thrown.code === "ECONNRESET") {
    return new CapstanError("INVALID_ARGUMENT", "the request was cut short");
  }
  return reportBug(logger, thrown, "HTTP");
}

/** The error for a caller: an id and no details; the log has the details under the same id. */
export function reportBug(logger: Logger, thrown: unknown, where: string): CapstanError {
  const correlationId = randomUUID();
  logger.error({ err: thrown, correlationId, where }, "a request failed in a way it should not");
  return new CapstanError(
    "BUG",
    `a promise inside Capstan was broken: the controller's log says more under ${correlationId}`,
    { details: { correlationId } },
  );
}
