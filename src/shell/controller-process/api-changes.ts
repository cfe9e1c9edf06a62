/**
 * Methods that change something: from the parsed request to what the kernel is asked for, and from
 * its answer to the response. Whatever is drawn by chance is drawn here: the kernel draws nothing,
 * and of a person's token it gets the hash only.
 *
 * @module
 */

import { randomBytes } from "node:crypto";
import type { Micros } from "../../base/time.ts";
import type { ApiRequest } from "../../controller/events.ts";
import type { Principal, UserBudget } from "../../model/job.ts";
import { parseLaunchJob } from "../../model/parse-job.ts";
import { parseResourcesRequest } from "../../model/parse-job-resources.ts";
import type { MethodName, ParsedRequests } from "../api/schemas.ts";
import { hashOf } from "./authentication.ts";

/** What a change needs to know besides its request. */
export interface ChangeContext {
  readonly principal: Principal;
  readonly at: Micros;
  budgetOf(user: string): UserBudget;
}

/** A change on its way to the kernel. */
export interface Change {
  readonly request: ApiRequest;
  /** The response, of the kernel's result. */
  readonly finish: (result: unknown) => unknown;
}

type Changes = {
  readonly [Name in MethodName]?: (request: ParsedRequests[Name], context: ChangeContext) => Change;
};

const changes = {
  LaunchJob: (request, { principal }) => {
    const token = newSecret();
    const spec = parseLaunchJob(request, principal.user);
    return asIs({ type: "launch-job", spec, token, tokenHash: hashOf(token) });
  },
  TerminateJob: (request) => asIs({ type: "terminate-job", ...request }),
  RetryTask: (request) => asIs({ type: "retry-task", ...request }),
  RetryJob: (request) => {
    const token = newSecret();
    return asIs({ type: "retry-job", ...request, token, tokenHash: hashOf(token) });
  },
  DrainWorker: ({ workerId, drain, deadline: deadlineMs }) =>
    asIs({ type: "drain-worker", workerId, drain, deadlineMs }),
  CordonWorker: (request) => asIs({ type: "cordon-worker", ...request }),
  SetUserBudget: (request, { budgetOf }) =>
    asIs({ type: "set-user-budget", budget: newBudget(request, budgetOf(request.user)) }),
  CreateToken: createToken,
  RevokeToken: (request) => asIs({ type: "revoke-token", ...request }),
  RegisterEndpoint: ({ lease: leaseMs, ...request }) =>
    asIs({ type: "register-endpoint", ...request, leaseMs }),
  UnregisterEndpoint: (request) => asIs({ type: "unregister-endpoint", ...request }),
  ReportProgress: (request) => asIs({ type: "report-progress", ...request }),
  UnpublishValue: (request) => asIs({ type: "unpublish-value", ...request }),
  ReplicateValue: (request) => asIs({ type: "replicate-value", ...request }),
  RebalanceValues: () => asIs({ type: "rebalance-values" }),
  RestartCluster: (request) => asIs({ type: "restart-cluster", ...request }),
  Repair: (request) => asIs({ type: "repair", ...request }),
} satisfies Changes;

/** The methods that change something. */
export type ChangeName = keyof typeof changes;

export function isChange(method: MethodName): method is ChangeName {
  return Object.hasOwn(changes, method);
}

/** What the kernel is asked for. Throws CapstanError for what contradicts itself. */
export function changeOf<Name extends ChangeName>(
  method: Name,
  request: ParsedRequests[Name],
  context: ChangeContext,
): Change {
  const make: Changes[Name] = changes[method];
  return (make as NonNullable<Changes[Name]>)(request, context);
}

function asIs(request: ApiRequest): Change {
  return { request, finish: (result) => result };
}

/** The start of every secret, so that people and scanners know one when they see it. */
const secretPrefix = "cst_";
const secretBytes = 32;
const tokenIdBytes = 9;

function newSecret(): string {
  return `${secretPrefix}${randomBytes(secretBytes).toString("base64url")}`;
}

function createToken(
  { expiresIn, ...request }: ParsedRequests["CreateToken"],
  { at }: ChangeContext,
): Change {
  const token = newSecret();
  const tokenId = `t-${randomBytes(tokenIdBytes).toString("hex")}`;
  const expiresAt = expiresIn === 0 ? 0 : at + expiresIn * 1000;
  return {
    request: { type: "create-token", ...request, tokenId, hash: hashOf(token), expiresAt },
    finish: () => ({ tokenId, token }),
  };
}

/** What the request leaves out stays as it was. */
function newBudget(request: ParsedRequests["SetUserBudget"], before: UserBudget): UserBudget {
  const { cap = before.cap } = request;
  return {
    user: request.user,
    weight: request.weight ?? before.weight,
    budget: request.budget ?? before.budget,
    bandMax: request.bandMax ?? before.bandMax,
    activeTasksMax: request.activeTasksMax ?? before.activeTasksMax,
    // Zeros are no cap, so what a cap leaves out has none.
    cap: cap === null ? null : parseResourcesRequest("cap", { cpuMilli: 0, ...cap }),
  };
}
