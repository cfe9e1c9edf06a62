/**
 * Changes of administration that come in through the API: tokens, budgets, endpoints. Each handler
 * finds everything that could be wrong before the first fact, and answers. Whether the principal
 * may ask for it was settled before (`authoriseRequest`).
 *
 * No handler writes state, and none ever sees a secret: only its hash.
 *
 * @module
 */

import type { Micros } from "../base/time.ts";
import { CapstanError } from "../model/errors.ts";
import { type Principal, roles, type UserBudget } from "../model/job.ts";
import { invalidArgument } from "../model/parse-fields.ts";
import type { Resources } from "../model/resources.ts";
import { bands } from "../model/states.ts";
import {
  budgetsMax,
  tokenNoteCharactersMax,
  tokensMax,
  tokensPerUserMax,
  userCharactersMax,
  userWeightMax,
} from "./access-limits.ts";
import { type AccessState, isTokenAlive, type TokenRecord } from "./access-state.ts";
import { noSuchToken } from "./authorise.ts";
import { type AccessRecorder, endpointView, newEndpoint } from "./endpoints.ts";
import type { ApiRequest } from "./events.ts";
import type { ControllerState } from "./state.ts";

/** What a change through the API comes to. */
export type ApiAnswer = { readonly result: unknown } | { readonly error: CapstanError };

type RequestOf<T extends ApiRequest["type"]> = Extract<ApiRequest, { type: T }>;

/** A change that somebody asks for. */
export interface AccessCall<T extends ApiRequest["type"]> {
  readonly principal: Principal;
  readonly request: RequestOf<T>;
  readonly at: Micros;
}

/** CreateToken: `{ tokenId }`. The caller has the secret; the kernel has its hash. */
export function onCreateToken(
  state: ControllerState,
  out: AccessRecorder,
  { principal, request, at }: AccessCall<"create-token">,
): ApiAnswer {
  const { type: _, ...token } = request;
  const error = checkToken(token, at) ?? checkTokenRoom(state.access, token, at);
  if (error !== null) return { error };
  const { tokens } = state.access;
  if (tokens.size >= tokensMax) {
    const tokenIds = oldestDeadToken(tokens, at);
    if (tokenIds.length === 0) return { error: tooManyTokens() };
    out.record(state, { type: "tokens-forgotten", at, tokenIds });
  }
  out.record(state, { type: "token-created", at, by: principal.user, ...token });
  return { result: { tokenId: token.tokenId } };
}

/** RevokeToken: `{ tokenId }`, also when it was revoked before. It never works again. */
export function onRevokeToken(
  state: ControllerState,
  out: AccessRecorder,
  { principal, request, at }: AccessCall<"revoke-token">,
): ApiAnswer {
  const { tokenId } = request;
  const token = state.access.tokens.get(tokenId);
  if (token === undefined) return { error: noSuchToken(tokenId) };
  const by = principal.user;
  if (token.revokedAt === 0) out.record(state, { type: "token-revoked", at, by, tokenId });
  return { result: { tokenId } };
}

/** SetUserBudget: the budget, whole. It takes effect with the next placement. */
export function onSetUserBudget(
  state: ControllerState,
  out: AccessRecorder,
  { principal, request, at }: AccessCall<"set-user-budget">,
): ApiAnswer {
  const { budget } = request;
  const error = checkBudget(budget) ?? checkBudgetRoom(state.access, budget.user);
  if (error !== null) return { error };
  out.record(state, { type: "budget-set", at, by: principal.user, budget });
  return { result: { budget: budgetView(budget) } };
}

/** RegisterEndpoint: the endpoint; `renewed` if this attempt had it under the same id. */
export function onRegisterEndpoint(
  state: ControllerState,
  out: AccessRecorder,
  { request, at }: AccessCall<"register-endpoint">,
): ApiAnswer {
  const endpoint = newEndpoint(state, request, at);
  if (endpoint instanceof CapstanError) return { error: endpoint };
  const before = state.access.endpoints.get(endpoint.endpointId);
  out.record(state, { type: "endpoint-registered", at, endpoint });
  const renewed = before?.attempt === endpoint.attempt;
  return { result: { endpoint: endpointView(endpoint), renewed } };
}

/** UnregisterEndpoint: false if there is none, as when its attempt has ended before. */
export function onUnregisterEndpoint(
  state: ControllerState,
  out: AccessRecorder,
  { request, at }: AccessCall<"unregister-endpoint">,
): ApiAnswer {
  const { endpointId } = request;
  const unregistered = state.access.endpoints.has(endpointId);
  if (unregistered) out.record(state, { type: "endpoints-dropped", at, ids: [endpointId] });
  return { result: { endpointId, unregistered } };
}

/** A budget as the API shows it. */
export function budgetView({ bandMax, ...budget }: UserBudget) {
  const { user, weight, budget: amount, cap, activeTasksMax } = budget;
  return { user, weight, budget: amount, bandMax: bandMax.toUpperCase(), cap, activeTasksMax };
}

const userPattern = new RegExp(`^(?!\\.{1,2}$)[A-Za-z0-9._@-]{1,${userCharactersMax}}$`);
const tokenIdPattern = /^[A-Za-z0-9_-]{1,64}$/;
const hashPattern = /^[0-9a-f]{64}$/;
const notePattern = new RegExp(`^\\P{Cc}{0,${tokenNoteCharactersMax}}$`, "u");

function checkUser(user: string): CapstanError | null {
  if (userPattern.test(user)) return null;
  const expected = `a user: 1 to ${userCharactersMax} letters, digits, ".", "_", "@" and "-"`;
  return invalidArgument("user", user, expected);
}

type NewToken = Omit<RequestOf<"create-token">, "type">;

function checkToken(token: NewToken, at: Micros): CapstanError | null {
  const { tokenId, hash, user, role, note, expiresAt } = token;
  if (!tokenIdPattern.test(tokenId)) return invalidArgument("tokenId", tokenId, "an id of a token");
  if (!hashPattern.test(hash)) return invalidArgument("hash", "…", "a SHA-256 in hex");
  if (!roles.includes(role)) return invalidArgument("role", role, `one of ${roles.join(", ")}`);
  if (!notePattern.test(note)) {
    const expected = `one line of at most ${tokenNoteCharactersMax} characters`;
    return invalidArgument("note", note, expected);
  }
  if (expiresAt !== 0 && !(Number.isSafeInteger(expiresAt) && expiresAt > at)) {
    return invalidArgument("expiresAt", expiresAt, "a time to come, or 0 for never");
  }
  return checkUser(user);
}

function checkTokenRoom(
  { tokens, tokensByHash }: AccessState,
  { tokenId, hash, user }: NewToken,
  at: Micros,
): CapstanError | null {
  if (tokens.has(tokenId) || tokensByHash.has(hash)) {
    return new CapstanError(
      "ALREADY_EXISTS",
      `tokenId: ${JSON.stringify(tokenId)} or its secret is known already; draw a new one`,
    );
  }
  let alive = 0;
  for (const token of tokens.values()) if (token.user === user && isTokenAlive(token, at)) alive++;
  if (alive < tokensPerUserMax) return null;
  return new CapstanError(
    "QUOTA_EXCEEDED",
    `user: ${user} has ${alive} tokens that work, which is the limit; revoke one first ` +
      "(`capstan token list`, `capstan token revoke`)",
    { details: { user, tokensPerUserMax } },
  );
}

function tooManyTokens(): CapstanError {
  return new CapstanError(
    "OVERLOADED",
    `the cluster has ${tokensMax} tokens that work, which is the limit; revoke some first`,
  );
}

/** The token that has been dead for longest, if there is one: an id, or none. */
function oldestDeadToken(tokens: ReadonlyMap<string, TokenRecord>, at: Micros): string[] {
  let oldest: TokenRecord | undefined;
  for (const token of tokens.values()) {
    if (isTokenAlive(token, at)) continue;
    if (oldest === undefined || diedBefore(token, oldest)) oldest = token;
  }
  return oldest === undefined ? [] : [oldest.tokenId];
}

function diedBefore(a: TokenRecord, b: TokenRecord): boolean {
  return diedAt(a) < diedAt(b) || (diedAt(a) === diedAt(b) && a.tokenId < b.tokenId);
}

function diedAt({ revokedAt, expiresAt }: TokenRecord): Micros {
  if (revokedAt === 0 || expiresAt === 0) return revokedAt + expiresAt;
  return Math.min(revokedAt, expiresAt);
}

function checkBudgetRoom({ budgets }: AccessState, user: string): CapstanError | null {
  if (budgets.has(user) || budgets.size < budgetsMax) return null;
  return new CapstanError("OVERLOADED", `the budgets of ${budgetsMax} users are set: the limit`);
}

function checkBudget({ user, weight, budget, bandMax, cap, activeTasksMax }: UserBudget) {
  if (!(weight >= 1 / userWeightMax && weight <= userWeightMax)) {
    return invalidArgument("weight", weight, `from ${1 / userWeightMax} to ${userWeightMax}`);
  }
  if (!isAmount(budget)) return invalidArgument("budget", budget, "a whole number, 0 or more");
  if (!bands.includes(bandMax)) {
    return invalidArgument("bandMax", bandMax, `one of ${bands.join(", ")}`);
  }
  if (!isAmount(activeTasksMax)) {
    return invalidArgument("activeTasksMax", activeTasksMax, "a whole number, 0 or more");
  }
  if (cap !== null && !amountsOf(cap).every(isAmount)) {
    return invalidArgument("cap", cap, "of whole amounts, 0 or more each");
  }
  return checkUser(user);
}

function amountsOf({ cpuMilli, memoryBytes, diskBytes, devices, custom }: Resources): number[] {
  const counts = devices.map(({ countMilli }) => countMilli);
  return [cpuMilli, memoryBytes, diskBytes, ...counts, ...Object.values(custom)];
}

function isAmount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
