/**
 * The public API as functions: `POST /v1/rpc/<Method>` with JSON in and out.
 *
 * Must not know more than the API's users do.
 *
 * @module
 */

import { createWriteStream, statSync } from "node:fs";
import { userInfo } from "node:os";
import { pipeline } from "node:stream/promises";
import { CapstanError, type ErrorCode, errorRegistry } from "../model/errors.ts";
import type { Target } from "./global-flags.ts";
import { callTimeoutMs, dumpTimeoutMs } from "./limits.ts";
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

/**
 * Writes a dump of the cluster into a new file that only its owner reads; its size.
 *
 * Throws CapstanError: as `callApi`, and INVALID_ARGUMENT if the file cannot be written.
 */
export async function downloadDump(target: Target, file: string): Promise<number> {
  const response = await reach(target, () =>
    fetch(new URL("/v1/dump", target.url), {
      headers: authorisation(target),
      signal: AbortSignal.timeout(dumpTimeoutMs),
    }),
  );
  if (!response.ok || response.body === null) {
    throw errorOf(target, response.status, parseBody(target, await response.text()));
  }
  try {
    await pipeline(response.body, createWriteStream(file, { flags: "wx", mode: 0o600 }));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CapstanError("INVALID_ARGUMENT", `${file} was not written: ${why}`);
  }
  return statSync(file).size;
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

function post(target: Target, path: string, request: unknown): Promise<Answer> {
  return reach(target, async () => {
    const response = await fetch(new URL(path, target.url), {
      method: "POST",
      headers: {
        "content-type": "application/json",
        ...authorisation(target),
        ...userHeader(),
      },
      body: JSON.stringify(request),
      signal: AbortSignal.timeout(callTimeoutMs),
    });
    return { status: response.status, text: await response.text() };
  });
}

async function reach<R>({ url }: Target, ask: () => Promise<R>): Promise<R> {
  try {
    return await ask();
  } catch (error) {
    throw connectionError(url, error);
  }
}

function authorisation({ token }: Target): { readonly [name: string]: string } {
  return token === undefined ? {} : { authorization: `Bearer ${token}` };
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
    const what = `the controller at ${url} did not answer in time`;
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
