/**
 * How facts about tokens, budgets and endpoints change the state. Every index of them is kept here
 * and nowhere else.
 *
 * @module
 */

import { present } from "../base/assert.ts";
import { type Micros, microsPerMs } from "../base/time.ts";
import type { AttemptId } from "../model/ids.ts";
import type { UserBudget } from "../model/job.ts";
import type { AccessState, EndpointRecord, TokenRecord } from "./access-state.ts";

/** Whose word it was; older journals do not say. */
interface By {
  readonly by?: string;
}

/** Facts of administration; all are durable. */
export type AccessFact =
  | ({ readonly type: "token-created"; readonly at: Micros } & By &
      Omit<TokenRecord, "createdAt" | "revokedAt">)
  | ({ readonly type: "token-revoked"; readonly at: Micros; readonly tokenId: string } & By)
  /** Dead ones that made room. */
  | { readonly type: "tokens-forgotten"; readonly at: Micros; readonly tokenIds: readonly string[] }
  | ({ readonly type: "budget-set"; readonly at: Micros; readonly budget: UserBudget } & By)
  /** New, or renewed under the same id. */
  | {
      readonly type: "endpoint-registered";
      readonly at: Micros;
      readonly endpoint: EndpointRecord;
    }
  /** Given up by their task or swept. None at all: every lease was looked at and goes on. */
  | { readonly type: "endpoints-dropped"; readonly at: Micros; readonly ids: readonly string[] };

type AccessFactOf<T extends AccessFact["type"]> = Extract<AccessFact, { type: T }>;

const appliers: {
  readonly [T in AccessFact["type"]]: (access: AccessState, fact: AccessFactOf<T>) => void;
} = {
  "token-created": (access, { type: _, at, by: __, ...token }) => {
    addToken(access, { ...token, createdAt: at, revokedAt: 0 });
  },
  "token-revoked": (access, { at, tokenId }) => {
    const token = present(access.tokens.get(tokenId), "only a known token is revoked");
    access.tokens.set(tokenId, { ...token, revokedAt: at });
  },
  "tokens-forgotten": (access, { tokenIds }) => {
    for (const tokenId of tokenIds) {
      const token = present(access.tokens.get(tokenId), "a token is forgotten once");
      access.tokens.delete(tokenId);
      access.tokensByHash.delete(token.hash);
    }
  },
  "budget-set": (access, { budget }) => {
    access.budgets.set(budget.user, budget);
  },
  "endpoint-registered": (access, { endpoint }) => {
    removeEndpoint(access, endpoint.endpointId);
    addEndpoint(access, endpoint);
  },
  "endpoints-dropped": (access, { ids }) => {
    for (const id of ids) removeEndpoint(access, id);
    access.sweepEndpointsAt = earliestLeaseEnd(access);
  },
};

/** Changes tokens, budgets or endpoints by one fact. */
export function applyAccess(access: AccessState, fact: AccessFact): void {
  (appliers[fact.type] as (access: AccessState, fact: AccessFact) => void)(access, fact);
}

export function addToken(access: AccessState, token: TokenRecord): void {
  access.tokens.set(token.tokenId, token);
  access.tokensByHash.set(token.hash, token.tokenId);
}

export function addEndpoint(access: AccessState, endpoint: EndpointRecord): void {
  const { endpointId, name, attempt, expiresAt } = endpoint;
  access.endpoints.set(endpointId, endpoint);
  addToIndex(access.endpointsByName, name, endpointId);
  addToIndex(access.endpointsByAttempt, attempt, endpointId);
  const { sweepEndpointsAt } = access;
  if (sweepEndpointsAt === 0 || expiresAt < sweepEndpointsAt) access.sweepEndpointsAt = expiresAt;
}

function removeEndpoint(access: AccessState, endpointId: string): void {
  const endpoint = access.endpoints.get(endpointId);
  if (endpoint === undefined) return;
  access.endpoints.delete(endpointId);
  removeFromIndex(access.endpointsByName, endpoint.name, endpointId);
  removeFromIndex(access.endpointsByAttempt, endpoint.attempt, endpointId);
  if (access.endpoints.size === 0) access.sweepEndpointsAt = 0;
}

/**
 * An attempt has ended, and so have its endpoints: a part of applying its end, so that none can
 * outlive it.
 */
export function dropEndpointsOfAttempt(access: AccessState, attempt: AttemptId): void {
  if (access.endpoints.size === 0) return;
  const ids = access.endpointsByAttempt.get(attempt);
  if (ids === undefined) return;
  for (const id of [...ids]) removeEndpoint(access, id);
}

/** A controller begins to serve: nobody could renew before, so each lease starts again. */
export function beginLeasesAnew(access: AccessState, at: Micros): void {
  for (const [id, endpoint] of access.endpoints) {
    const expiresAt = at + endpoint.leaseMs * microsPerMs;
    access.endpoints.set(id, { ...endpoint, expiresAt });
  }
  access.sweepEndpointsAt = earliestLeaseEnd(access);
}

/** 0 without an endpoint. */
function earliestLeaseEnd(access: AccessState): Micros {
  let earliest = 0;
  for (const { expiresAt } of access.endpoints.values()) {
    if (earliest === 0 || expiresAt < earliest) earliest = expiresAt;
  }
  return earliest;
}

function addToIndex<K>(index: Map<K, Set<string>>, key: K, id: string): void {
  const ids = index.get(key);
  if (ids === undefined) index.set(key, new Set([id]));
  else ids.add(id);
}

function removeFromIndex<K>(index: Map<K, Set<string>>, key: K, id: string): void {
  const ids = present(index.get(key), "an endpoint is in each of its indexes");
  ids.delete(id);
  if (ids.size === 0) index.delete(key);
}

/** What people are told of a fact, for `capstan events`; null for what is not worth a line. */
export function accessEventOf(fact: AccessFact): {
  readonly type: string;
  readonly id: string;
  readonly message: string;
} | null {
  switch (fact.type) {
    case "token-created": {
      const message = withBy(`role ${fact.role} for ${fact.user}`, fact);
      return { type: fact.type, id: fact.tokenId, message };
    }
    case "token-revoked":
      return { type: fact.type, id: fact.tokenId, message: withBy("", fact) };
    case "budget-set": {
      const message = withBy(budgetText(fact.budget), fact);
      return { type: fact.type, id: fact.budget.user, message };
    }
    default:
      return null;
  }
}

function withBy(text: string, { by }: By): string {
  const who = by === undefined ? "" : `by ${by}`;
  return text === "" || who === "" ? `${text}${who}` : `${text}, ${who}`;
}

function budgetText({ weight, budget, bandMax, cap, activeTasksMax }: UserBudget): string {
  const capped = cap === null ? "no cap" : "capped";
  return `weight ${weight}, budget ${budget}, ${bandMax}, ${capped}, ${activeTasksMax} tasks`;
}
