/**
 * What administration remembers: tokens, budgets and endpoints, all durable. Written by
 * `applyAccess` and nobody else; a secret never comes here, only its hash.
 *
 * @module
 */

import type { Micros } from "../base/time.ts";
import type { AttemptId, TaskRef } from "../model/ids.ts";
import type { Role, UserBudget } from "../model/job.ts";

/** A person's or a machine's token. What a job's tasks present is kept with their job. */
export interface TokenRecord {
  readonly tokenId: string;
  /** SHA-256 of the secret, hex. */
  readonly hash: string;
  readonly user: string;
  readonly role: Role;
  readonly note: string;
  readonly createdAt: Micros;
  /** From then on it does not work; 0 for never. */
  readonly expiresAt: Micros;
  /** 0 until it is revoked, which is for ever. */
  readonly revokedAt: Micros;
}

/** Where an attempt of a task can be reached, under a name, for as long as it says so. */
export interface EndpointRecord {
  readonly endpointId: string;
  /** In full: `<root of the job tree>/<name>`, so that trees do not see each other's names. */
  readonly name: string;
  readonly address: string;
  readonly taskId: string;
  readonly task: TaskRef;
  readonly attempt: AttemptId;
  readonly metadata: { readonly [key: string]: string };
  readonly registeredAt: Micros;
  readonly leaseMs: number;
  /** From then on it is invisible, until it is renewed. */
  readonly expiresAt: Micros;
}

export interface AccessState {
  /** By id: those that were revoked or have expired too, as long as there is room. */
  readonly tokens: Map<string, TokenRecord>;
  /** Hash → id. */
  readonly tokensByHash: Map<string, string>;
  /** By user; who is not here has the defaults. */
  readonly budgets: Map<string, UserBudget>;
  /** By id. */
  readonly endpoints: Map<string, EndpointRecord>;
  /** Full name → ids: several replicas may share a name. */
  readonly endpointsByName: Map<string, Set<string>>;
  readonly endpointsByAttempt: Map<AttemptId, Set<string>>;
  /** When leases are looked at next: no lease ends before. 0 while there is no endpoint. */
  sweepEndpointsAt: Micros;
}

export function newAccessState(): AccessState {
  return {
    tokens: new Map(),
    tokensByHash: new Map(),
    budgets: new Map(),
    endpoints: new Map(),
    endpointsByName: new Map(),
    endpointsByAttempt: new Map(),
    sweepEndpointsAt: 0,
  };
}

/** Whether the token opens anything at `at`: neither revoked nor expired. */
export function isTokenAlive(token: TokenRecord, at: Micros): boolean {
  return token.revokedAt === 0 && (token.expiresAt === 0 || at < token.expiresAt);
}
