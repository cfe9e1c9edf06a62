/**
 * The public API as functions: `POST /v1/rpc/<Method>` with JSON in and out.
 *
 * Must not know more than the API's users do.
 *
 * @module
 */

import { CapstanError, type ErrorCode, errorRegistry } from "../model/errors.ts";
import type { Target } from "./global-flags.ts";
import type { Responses } from "./responses.ts";

/** How long a call may take; the controller answers from memory. */
const callTimeoutMs = 30_000;

/**
 * Calls a method whose response is known.
 *
 * Throws CapstanError: UNREACHABLE when nothing answers, TIMED_OUT, or what the controller says.
 */
export async function callApi<M extends keyof Responses>(
  target: Target,
  method: M,
  request: object = {},
): Promise<Responses[M]> {
  // The response is the controller's word: its schema is kept equal to ours by the tests.
  return (await callAnyMethod(target, method, request)) as Responses[M];
}

/** Calls any method by name. Errors as `callApi`; an unknown method is NOT_FOUND. */
export async function callAnyMethod(
  target: Target,
  method: string,
  request: unknown,
): Promise<unknown> {
  const answer = await post(target, `/v1/rpc/${encodeURIComponent(method)}`, request);
  const body = parseBody(target, answer.text);
  if (answer.status >= 400) throw errorOf(target, answer.status, body);
  return body;
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

async function post({ url, token }: Target, path: string, request: unknown): Promise<Answer> {
  try {
    const response = await fetch(new URL(path, url), {
      method: "POST",
      headers: {
        "content-type": "application/json",
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify(request),
      signal: AbortSignal.timeout(callTimeoutMs),
    });
    return { status: response.status, text: await response.text() };
  } catch (error) {
    throw connectionError(url, error);
  }
}

function connectionError(url: string, error: unknown): CapstanError {
  if (error instanceof DOMException && error.name === "TimeoutError") {
    const what = `the controller at ${url} did not answer within ${callTimeoutMs / 1000} s`;
    return new CapstanError("TIMED_OUT", what, { details: { url } });
  }
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const reason = cause instanceof Error ? cause.message || cause.name : String(cause);
  const hint = "Is it running? `capstan up` starts one; --url or CAPSTAN_URL names another.";
  return new CapstanError("UNREACHABLE", `no controller answers at ${url} (${reason}). ${hint}`, {
    details: { url },
  });
}

function parseBody(target: Target, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    const start = text.slice(0, 80);
    const what = `what answers at ${target.url} is not a Capstan controller: "${start}"`;
    throw new CapstanError("PROTOCOL_ERROR", what);
  }
}

function errorOf({ url }: Target, status: number, body: unknown): CapstanError {
  const error = fieldOf(body, "error");
  const code = fieldOf(error, "code");
  if (typeof code !== "string" || !(code in errorRegistry)) {
    return new CapstanError("PROTOCOL_ERROR", `${url} answered ${status} without a known error`);
  }
  const details = fieldOf(error, "details");
  return new CapstanError(code as ErrorCode, String(fieldOf(error, "message")), {
    details: typeof details === "object" && details !== null ? { ...details } : {},
  });
}

function fieldOf(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  return (value as { readonly [field: string]: unknown })[name];
}
