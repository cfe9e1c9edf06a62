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

/** Structured-cloneable; lists are in the order in which their entries came. */
export interface AccessImage {
  readonly tokens: readonly TokenRecord[];
  readonly budgets: readonly UserBudget[];
  readonly endpoints: readonly EndpointRecord[];
  readonly sweepEndpointsAt: Micros;
}

export function imageOfAccess(access: AccessState): AccessImage {
  return {
    tokens: [...access.tokens.values()],
    budgets: [...access.budgets.values()],
    endpoints: [...access.endpoints.values()],
    sweepEndpointsAt: access.sweepEndpointsAt,
  };
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
