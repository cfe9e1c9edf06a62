/**
 * The API's reads of administration: tokens, users, endpoints, and who asks. Nothing here changes
 * anything, and no hash of a secret is ever shown.
 *
 * @module
 */

import type { Micros } from "../base/time.ts";
import { CapstanError } from "../model/errors.ts";
import type { Principal, Role, UserBudget } from "../model/job.ts";
import { invalidArgument } from "../model/parse-fields.ts";
import { budgetView } from "./access.ts";
import { type EndpointRecord, isTokenAlive, type TokenRecord } from "./access-state.ts";
import { type EndpointQuery, endpointsVisible, endpointView } from "./endpoints.ts";
import type { ListRequest } from "./pages.ts";
import { type Orders, orderNamed, Selection } from "./selection.ts";
import type { ControllerState } from "./state.ts";
import { budgetOf } from "./users.ts";
import { formatTime } from "./views.ts";

/** What a user has running and waiting now. */
export interface UserUsage {
  /** Value of the user's running work that is not batch, in the unit of budgets. */
  readonly spend: number;
  /** The largest part of a resource of the cluster that the user holds, by weight. */
  readonly dominantShare: number;
  /** Tasks with an attempt. */
  readonly running: number;
  /** Tasks that wait. */
  readonly pending: number;
}

/** WhoAmI: `jobId` is "" unless it is the token of a job. */
export function whoAmI({ user, role, jobId }: Principal) {
  return { user, role, jobId };
}

const tokenOrders: Orders<TokenRecord> = {
  createdAt: ({ createdAt }) => createdAt,
  expiresAt: ({ expiresAt }) => expiresAt || Number.POSITIVE_INFINITY, // 0 is never.
  user: ({ user }) => user,
  role: ({ role }) => role,
};

interface TokenFilter {
  readonly user?: string;
  readonly role?: Role;
  readonly active?: boolean;
}

/** ListTokens: all for an administrator, one's own for others; oldest first unless said. */
export function listTokens(state: ControllerState, request: ListRequest, principal: Principal) {
  const filter = (request.filter ?? {}) as TokenFilter;
  const { keyOf, direction } = orderNamed(tokenOrders, request.orderBy ?? "createdAt");
  const selection = new Selection<TokenRecord>(request, direction);
  let place = 0; // A map keeps the order in which its entries came.
  for (const token of state.access.tokens.values()) {
    const isSeen = principal.role === "admin" || token.user === principal.user;
    if (isSeen && isWantedToken(token, filter, state.at)) {
      selection.offer(token, keyOf(token), place++);
    }
  }
  const { page, nextPageToken } = selection.page();
  const tokens = page.map((token) => tokenView(token, state.at));
  return { tokens, totalCount: selection.count, nextPageToken };
}

function isWantedToken(token: TokenRecord, { user = "", role, active }: TokenFilter, at: Micros) {
  if (!token.user.includes(user) || (role !== undefined && token.role !== role)) return false;
  return active === undefined || isTokenAlive(token, at) === active;
}

function tokenView(token: TokenRecord, at: Micros) {
  const { tokenId, user, role, note, createdAt, expiresAt, revokedAt } = token;
  return {
    ...{ tokenId, user, role, note },
    active: isTokenAlive(token, at),
    createdAt: formatTime(createdAt),
    expiresAt: formatTime(expiresAt),
    revokedAt: formatTime(revokedAt),
  };
}

const noUsage: UserUsage = { spend: 0, dominantShare: 0, running: 0, pending: 0 };

interface ListedUser extends UserUsage {
  readonly user: string;
}

const userOrders: Orders<ListedUser> = {
  user: ({ user }) => user,
  spend: ({ spend }) => spend,
  dominantShare: ({ dominantShare }) => dominantShare,
  runningTaskCount: ({ running }) => running,
  pendingTaskCount: ({ pending }) => pending,
};

/** ListUsers: everybody who has submitted something, has a budget or a token; by name. */
export function listUsers(
  state: ControllerState,
  request: ListRequest,
  usageOf: ReadonlyMap<string, UserUsage>,
) {
  const { access, usersByName } = state;
  const names = new Set([...usersByName.keys(), ...access.budgets.keys()]);
  for (const { user } of access.tokens.values()) names.add(user);
  const { user: part = "" } = (request.filter ?? {}) as { readonly user?: string };
  const { keyOf, direction } = orderNamed(userOrders, request.orderBy ?? "user");
  const selection = new Selection<ListedUser>(request, direction);
  for (const [place, user] of [...names].sort((a, b) => (a < b ? -1 : 1)).entries()) {
    const listed = { user, ...(usageOf.get(user) ?? noUsage) };
    if (user.includes(part)) selection.offer(listed, keyOf(listed), place);
  }
  const { page, nextPageToken } = selection.page();
  const users = page.map((listed) => userView(budgetOf(state, listed.user), listed));
  return { users, totalCount: selection.count, nextPageToken };
}

function userView(budget: UserBudget, { spend, dominantShare, running, pending }: UserUsage) {
  return {
    ...budgetView(budget),
    spend,
    dominantShare,
    overBudget: budget.budget > 0 && spend > budget.budget,
    runningTaskCount: running,
    pendingTaskCount: pending,
  };
}

const endpointOrders: Orders<EndpointRecord> = {
  name: ({ name }) => name,
  taskId: ({ taskId }) => taskId,
  registeredAt: ({ registeredAt }) => registeredAt,
  expiresAt: ({ expiresAt }) => expiresAt,
};

/**
 * ListEndpoints: those that can be used now, by `name` or by `prefix`; without both, all that there
 * are. To the token of a job, what does not begin with `/` is a name of its own tree, and what it
 * lists without a name is that tree.
 */
export function listEndpoints(state: ControllerState, request: ListRequest, principal: Principal) {
  const { taskId = "" } = (request.filter ?? {}) as { readonly taskId?: string };
  const { keyOf, direction } = orderNamed(endpointOrders, request.orderBy ?? "name");
  const selection = new Selection<EndpointRecord>(request, direction);
  const visible = endpointsVisible(state, endpointQuery(request, principal), state.at);
  for (const [place, endpoint] of visible.entries()) {
    if (taskId === "" || endpoint.taskId === taskId) {
      selection.offer(endpoint, keyOf(endpoint), place);
    }
  }
  const { page, nextPageToken } = selection.page();
  return { endpoints: page.map(endpointView), totalCount: selection.count, nextPageToken };
}

function endpointQuery(request: ListRequest, { jobId }: Principal): EndpointQuery {
  const name = textField(request, "name");
  const prefix = textField(request, "prefix");
  if (name !== "" && prefix !== "") {
    throw new CapstanError("INVALID_ARGUMENT", "prefix: give a name or a prefix, not both");
  }
  if (name !== "") return { name: fullName("name", name, jobId) };
  if (prefix === "" && jobId === "") return { prefix };
  return { prefix: fullName("prefix", prefix, jobId) };
}

function fullName(field: string, name: string, jobId: string): string {
  if (name.startsWith("/")) return name;
  if (jobId !== "") return `${jobId}/${name}`;
  throw invalidArgument(field, name, 'a full name, such as "/ada/train/model"');
}

function textField(request: ListRequest, field: string): string {
  const value = request[field] ?? "";
  if (typeof value === "string") return value;
  throw invalidArgument(field, value, "a string");
}
