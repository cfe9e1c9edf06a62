/**
 * Calls of the public API that act or are asked for once. What pages show comes over the stream.
 *
 * @module
 */

import { signal } from "@preact/signals";
import type { Requests, Responses } from "../../src/shell/api/schemas.ts";

export type { Requests, Responses };

export type MethodName = keyof Requests & keyof Responses;

/** What the API says of what it refuses. */
export interface ApiError {
  readonly code: string;
  readonly message: string;
  readonly details: { readonly [name: string]: unknown };
  readonly retryable: boolean;
}

/** A refusal, or that nobody answered (`UNREACHABLE`, which is no code of the API). */
export class CallError extends Error {
  readonly code: string;
  readonly retryable: boolean;

  constructor({ code, message, retryable }: ApiError) {
    super(message);
    this.code = code;
    this.retryable = retryable;
  }
}

const storageKey = "capstan-token";

/** What is shown to the controller; "" for none. It lives as long as the tab. */
export const token = signal(window.sessionStorage.getItem(storageKey) ?? "");

export function setToken(next: string): void {
  window.sessionStorage.setItem(storageKey, next);
  token.value = next;
}

/** Whether the controller asks for a token before it says anything: no refusal is made for that. */
export async function asksForToken(): Promise<boolean> {
  const response = await fetch("/healthz").catch(() => null);
  const answer = response?.ok === true ? await response.json() : null;
  return answer?.authenticated === false;
}

/** Carries one call out. Throws CallError. */
export async function call<Name extends MethodName>(
  method: Name,
  request: Requests[Name],
): Promise<Responses[Name]> {
  const headers: { [name: string]: string } = { "Content-Type": "application/json" };
  if (token.value !== "") headers.Authorization = `Bearer ${token.value}`;
  const body = JSON.stringify(request);
  const response = await fetch(`/v1/rpc/${method}`, { method: "POST", headers, body }).catch(
    (): never => {
      const message = "the controller does not answer";
      throw new CallError({ code: "UNREACHABLE", message, details: {}, retryable: true });
    },
  );
  const answer = await response.json();
  if (response.ok) return answer;
  throw new CallError(answer.error);
}
