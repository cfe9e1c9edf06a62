/**
 * The public API as functions: `POST /v1/rpc/<Method>` with JSON in and out.
 *
 * Must not know more than the API's users do.
 *
 * @module
 */

import { userInfo } from "node:os";
import { CapstanError, type ErrorCode, errorRegistry } from "../model/errors.ts";
import type { Target } from "./global-flags.ts";
import { callTimeoutMs } from "./limits.ts";
import type { Requests, Responses, Unchanging } from "./responses.ts";

/**
 * Calls a method whose response is known.
 *
 * Throws CapstanError: UNREACHABLE when nothing answers, TIMED_OUT, or what the controller says.
 */
export async function callApi<M extends keyof Responses>(
  target: Target,
  method: M,
  request: Unchanging<Requests[M]>,
): Promise<Responses[M]> {
  // The controller's word: its own tests hold its answers to the schema that types them.
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
        ...userHeader(),
      },
      body: JSON.stringify(request),
      signal: AbortSignal.timeout(callTimeoutMs),
    });
    return { status: response.status, text: await response.text() };
  } catch (error) {
    throw connectionError(url, error);
  }
}

/**
 * Who types: for a controller that lets us speak for anybody, and ignored by every other. A name
 * that cannot be the name of a user is kept to ourselves.
 */
function userHeader(): { readonly [name: string]: string } {
  const username = systemUser();
  return /^[A-Za-z0-9._@-]{1,100}$/.test(username) ? { "x-capstan-user": username } : {};
}

/** The user of this process; "" in a container that has no name for it. */
function systemUser(): string {
  try {
    return userInfo().username;
  } catch {
    return "";
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
    details: { url, reason: codeOf(cause) },
  });
}

/** `"ECONNREFUSED"`: nothing was sent. Of everything else nobody knows whether it arrived. */
function codeOf(cause: unknown): string {
  return String(fieldOf(cause, "code") ?? "");
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
  return new CapstanError(code as ErrorCode, messageOf(url, code, fieldOf(error, "message")), {
    details: typeof details === "object" && details !== null ? { ...details } : {},
  });
}

/** The API tells programs which header they need; whoever types has flags. */
function messageOf(url: string, code: string, message: unknown): string {
  if (code !== "UNAUTHENTICATED") return String(message);
  const [what] = String(message).split(": send ", 1);
  return `${what}: give one for ${url} with --token or CAPSTAN_TOKEN`;
}

function fieldOf(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  return (value as { readonly [field: string]: unknown })[name];
}
