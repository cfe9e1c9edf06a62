/**
 * Who sends a request: by the token that it bears, or, on a controller without one, everybody as an
 * administrator. The secret that the process was started with opens everything; the others are
 * known to the kernel by their hash.
 *
 * A token that is presented must be good, also where none is demanded: one that was revoked never
 * becomes an administrator by being ignored.
 *
 * @module
 */

import { createHash, createHmac } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Micros } from "../../base/time.ts";
import { CapstanError } from "../../model/errors.ts";
import type { Principal } from "../../model/job.ts";
import { bearerToken, sameSecret } from "../transport/http-guard.ts";
import { taskTokenUs, userCharactersMax } from "./limits.ts";

/** Who is at the other end of a request or of a connection. */
export interface Caller {
  /** As it was when the token was presented. */
  readonly principal: Principal;
  /** What was presented; never written anywhere. Null for none. */
  readonly secret: string | null;
  /** SHA-256 of it, hex, if the kernel knows the token; else the caller is trusted for ever. */
  readonly tokenHash: string | null;
}

/** Marks the token of a running task, which nobody keeps: it proves itself. */
const taskTokenMark = "task";

export interface AuthenticationOptions {
  /** The secret that the process was started with; without one everybody is an administrator. */
  readonly token: string | undefined;
  /** Whose secret has this hash, now; null for nobody's. */
  readonly principalOf: (hash: string) => Principal | null;
  readonly now: () => Micros;
}

/** What the token of a task says; it counts because nobody else can sign it. */
interface TaskClaim {
  readonly user: string;
  readonly until: Micros;
}

/** Names the user of a caller that may speak for any. */
const userHeader = "x-capstan-user";

const userPattern = new RegExp(`^[A-Za-z0-9._@-]{1,${userCharactersMax}}$`);

export class Authentication {
  readonly #options: AuthenticationOptions;

  constructor(options: AuthenticationOptions) {
    this.#options = options;
  }

  /** The caller, or why there is none: UNAUTHENTICATED, or INVALID_ARGUMENT for its user. */
  identify(request: IncomingMessage): Caller | CapstanError {
    const { token, principalOf } = this.#options;
    const secret = bearerToken(request);
    if (secret === null) {
      if (token !== undefined) return unauthenticated("a token is needed");
      return trusted(request, "anonymous", null);
    }
    if (token !== undefined && sameSecret(secret, token)) return trusted(request, "admin", secret);
    const taskUser = this.#taskUser(secret);
    if (taskUser !== null) {
      const principal: Principal = { user: taskUser, role: "user", jobId: "" };
      return { principal, secret, tokenHash: null };
    }
    const tokenHash = hashOf(secret);
    const principal = principalOf(tokenHash);
    if (principal === null) {
      const why = "the token is not known, was revoked or has expired";
      return unauthenticated(token === undefined ? `${why}; none is needed here` : why);
    }
    return { principal, secret, tokenHash };
  }

  /** What a running task of this user opens its connections with, for a while from `at` on. */
  taskToken(user: string, at: Micros): string {
    const { token } = this.#options;
    if (token === undefined) return "";
    const claim = { user, until: at + taskTokenUs };
    const text = Buffer.from(JSON.stringify(claim)).toString("base64url");
    return [taskTokenMark, text, sharedSecret(token, `capstan task ${text}`)].join(".");
  }

  /** Whose task this is the token of; null for what is none, or is too old. */
  #taskUser(secret: string): string | null {
    const { token, now } = this.#options;
    const [mark, text, proof, ...rest] = secret.split(".");
    if (token === undefined || mark !== taskTokenMark || rest.length > 0) return null;
    if (!proof || !sameSecret(proof, sharedSecret(token, `capstan task ${text}`))) return null;
    const claim = JSON.parse(Buffer.from(text, "base64url").toString()) as TaskClaim;
    return now() < claim.until ? claim.user : null;
  }

  /** The same caller now; null once its token was revoked or has expired. */
  renew({ principal, tokenHash }: Caller): Principal | null {
    if (tokenHash === null) return principal;
    const known = this.#options.principalOf(tokenHash);
    return known === null ? null : { ...known, user: principal.user };
  }
}

/** SHA-256, hex: what the kernel knows of a secret. */
export function hashOf(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}

/**
 * What workers demand of whoever fetches values from them, whatever token each of the two has: hex,
 * the same after a restart, and nothing that the API accepts. "" without a `token`.
 */
export function dataTokenOf(token: string | undefined, clusterId: string): string {
  return sharedSecret(token, `capstan data ${clusterId}`);
}

/** The same for logs: no client is told it, since who may read a log is for the API to say. */
export function logTokenOf(token: string | undefined, clusterId: string): string {
  return sharedSecret(token, `capstan logs ${clusterId}`);
}

function sharedSecret(token: string | undefined, purpose: string): string {
  return token === undefined ? "" : createHmac("sha256", token).update(purpose).digest("hex");
}

/** The caller of a stream: an administrator is whom it says, everybody else is who they are. */
export function speakingAs(caller: Caller, user: string): Caller {
  const { principal } = caller;
  if (principal.role !== "admin") return caller;
  return { ...caller, principal: { ...principal, user } };
}

/** The refusal of a caller whose token has ended meanwhile. */
export function tokenHasEnded(): CapstanError {
  return unauthenticated("the token was revoked or has expired");
}

function trusted(
  request: IncomingMessage,
  fallback: string,
  secret: string | null,
): Caller | CapstanError {
  const user = request.headers[userHeader] ?? fallback;
  if (typeof user !== "string" || !userPattern.test(user)) {
    const expected = `1 to ${userCharactersMax} letters, digits, ".", "_", "@" and "-"`;
    return new CapstanError("INVALID_ARGUMENT", `${userHeader}: expected a user: ${expected}`);
  }
  return { principal: { user, role: "admin", jobId: "" }, secret, tokenHash: null };
}

function unauthenticated(why: string): CapstanError {
  return new CapstanError("UNAUTHENTICATED", `${why}: send \`Authorization: Bearer <token>\``);
}
