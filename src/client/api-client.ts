/**
 * The API over HTTP, typed by the schemas that validate it: `POST /v1/rpc/<Method>`.
 *
 * It keeps no session and repeats nothing: what a lost answer means is for its caller to judge.
 *
 * @module
 */

import { Agent, request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest, Agent as SecureAgent } from "node:https";
import { text } from "node:stream/consumers";
import { CapstanError, type ErrorCode, errorRegistry } from "../model/errors.ts";
import type { MethodName, Requests, Responses } from "../shell/api/schemas.ts";
import { apiCallTimeoutMs } from "./limits.ts";

/** Where the controller is, and who calls. */
export interface ApiClientOptions {
  /** `http://host:port`. */
  readonly url: string;
  /** Default: none, which a controller on loopback may allow. */
  readonly token?: string | undefined;
  /** Who calls, where the token does not say it: the user of relative job names. */
  readonly user?: string | undefined;
  /** How long an answer may take, in ms. Default 30,000; shorter gives up on large answers. */
  readonly timeoutMs?: number | undefined;
}

/** How one call differs. */
export interface ApiCallOptions {
  /** Ends the call, which rejects with its reason. A change may happen all the same. */
  readonly signal?: AbortSignal | undefined;
}

/** Calls methods of one controller. Idle connections do not keep a process alive. */
export class ApiClient {
  readonly #options: ApiClientOptions;
  readonly #isSecure: boolean;
  readonly #agent: Agent;

  constructor(options: ApiClientOptions) {
    this.#options = options;
    this.#isSecure = new URL(options.url).protocol === "https:";
    const agentOptions = { keepAlive: true };
    this.#agent = this.#isSecure ? new SecureAgent(agentOptions) : new Agent(agentOptions);
  }

  /**
   * Calls a method. Rejects with the controller's CapstanError, with UNREACHABLE when nothing
   * answers, TIMED_OUT when it takes too long, or PROTOCOL_ERROR for what is no answer of Capstan.
   */
  async call<Name extends MethodName>(
    method: Name,
    request: Requests[Name],
    options: ApiCallOptions = {},
  ): Promise<Responses[Name]> {
    // The controller's word: its tests hold its answers to the schema that types them.
    return (await this.callByName(method, request, options)) as Responses[Name];
  }

  /** The same for a name that somebody typed. An unknown one is NOT_FOUND. */
  async callByName(
    method: string,
    request: unknown,
    { signal }: ApiCallOptions = {},
  ): Promise<unknown> {
    const { url, timeoutMs = apiCallTimeoutMs } = this.#options;
    const timeout = AbortSignal.timeout(timeoutMs);
    const either = signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
    try {
      const path = `/v1/rpc/${encodeURIComponent(method)}`;
      const response = await this.#post(new URL(path, url), JSON.stringify(request), either);
      return answerOf(url, response.statusCode ?? 0, await text(response));
    } catch (error) {
      if (error instanceof CapstanError) throw error;
      if (signal?.aborted === true) throw signal.reason;
      if (timeout.aborted) {
        const message = `the controller at ${url} did not answer within ${timeoutMs} ms`;
        throw new CapstanError("TIMED_OUT", message, { details: { url } });
      }
      throw unreachable(url, error);
    }
  }

  /** Closes idle connections. */
  close(): void {
    this.#agent.destroy();
  }

  #post(url: URL, body: string, signal: AbortSignal): Promise<IncomingMessage> {
    const { token, user } = this.#options;
    const headers = {
      "content-type": "application/json",
      "content-length": Buffer.byteLength(body),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(user === undefined ? {} : { "x-capstan-user": user }),
    };
    const send = this.#isSecure ? httpsRequest : httpRequest;
    return new Promise((resolve, reject) => {
      const call = send(url, { method: "POST", headers, agent: this.#agent, signal }, resolve);
      call.on("error", reject);
      call.end(body);
    });
  }
}

function unreachable(url: string, error: unknown): CapstanError {
  const reason = error instanceof Error ? error.message || error.name : String(error);
  return new CapstanError(
    "UNREACHABLE",
    `no controller answers at ${url} (${reason}). Is it running? \`capstan up\` starts one`,
    { details: { url }, cause: error },
  );
}

function answerOf(url: string, status: number, body: string): unknown {
  const answer = parseBody(url, body);
  if (status < 400) return answer;
  const error = fieldOf(answer, "error");
  const code = fieldOf(error, "code");
  if (typeof code !== "string" || !Object.hasOwn(errorRegistry, code)) {
    throw new CapstanError("PROTOCOL_ERROR", `${url} answered ${status} without a known error`);
  }
  const details = fieldOf(error, "details");
  throw new CapstanError(code as ErrorCode, String(fieldOf(error, "message")), {
    details: typeof details === "object" && details !== null ? { ...details } : {},
  });
}

function parseBody(url: string, body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    const start = JSON.stringify(body.slice(0, 80));
    const message = `what answers at ${url} is not a Capstan controller: ${start}`;
    throw new CapstanError("PROTOCOL_ERROR", message);
  }
}

function fieldOf(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  return (value as { readonly [field: string]: unknown })[name];
}
