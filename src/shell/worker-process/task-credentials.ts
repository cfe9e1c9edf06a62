/**
 * Asks the controller with what a running task may speak to it: as its user, for a while. It is
 * asked when a task wants to submit tasks, so no order carries a secret.
 *
 * @module
 */

import { CapstanError } from "../../model/errors.ts";
import { type AttemptId, formatAttemptId } from "../../model/ids.ts";
import type { TaskCredentials } from "../executor/context.ts";
import { bundleFetchTimeoutMs } from "./limits.ts";

export interface ControllerAddress {
  readonly url: string;
  /** The worker's own; undefined for none. */
  readonly token?: string | undefined;
}

/** Rejects with UNREACHABLE, or with what the controller refuses. */
export function taskCredentials({
  url,
  token,
}: ControllerAddress): (attempt: AttemptId) => Promise<TaskCredentials> {
  return async (attempt) => {
    const response = await ask(url, token, formatAttemptId(attempt));
    const body = (await response.json()) as { readonly token?: string };
    if (response.ok && body.token !== undefined) return { url, token: body.token };
    const code = response.status < 500 ? "FORBIDDEN" : "UNREACHABLE";
    const message = `the controller gives a task no credentials: ${JSON.stringify(body)}`;
    throw new CapstanError(code, message);
  };
}

async function ask(url: string, token: string | undefined, attemptId: string): Promise<Response> {
  try {
    return await fetch(new URL("/v1/rpc/GetTaskCredentials", url), {
      method: "POST",
      headers: {
        "content-type": "application/json",
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify({ attemptId }),
      signal: AbortSignal.timeout(bundleFetchTimeoutMs),
    });
  } catch (cause) {
    throw new CapstanError("UNREACHABLE", `no answer from ${url}`, { cause });
  }
}
