/**
 * Tokens, budgets and endpoints as plain data, and back. The indexes are rebuilt, not stored.
 *
 * @module
 */

import type { Micros } from "../base/time.ts";
import type { UserBudget } from "../model/job.ts";
import {
  type AccessState,
  type EndpointRecord,
  newAccessState,
  type TokenRecord,
} from "./access-state.ts";
import { addEndpoint, addToken } from "./apply-access.ts";

/** Structured-cloneable; lists are in the order of ids, so that equal states have equal images. */
export interface AccessImage {
  readonly tokens: readonly TokenRecord[];
  readonly budgets: readonly UserBudget[];
  readonly endpoints: readonly EndpointRecord[];
  readonly sweepEndpointsAt: Micros;
}

export function imageOfAccess(access: AccessState): AccessImage {
  return {
    tokens: inOrder(access.tokens),
    budgets: inOrder(access.budgets),
    endpoints: inOrder(access.endpoints),
    sweepEndpointsAt: access.sweepEndpointsAt,
  };
}

function inOrder<T>(records: ReadonlyMap<string, T>): T[] {
  const entries = [...records].sort(([a], [b]) => (a < b ? -1 : Number(a > b)));
  return entries.map(([, record]) => record);
}

/** The state that an image stands for. */
export function restoreAccess(image: AccessImage): AccessState {
  const access = newAccessState();
  for (const token of image.tokens) addToken(access, token);
  for (const budget of image.budgets) access.budgets.set(budget.user, budget);
  for (const endpoint of image.endpoints) addEndpoint(access, endpoint);
  access.sweepEndpointsAt = image.sweepEndpointsAt;
  return access;
}
