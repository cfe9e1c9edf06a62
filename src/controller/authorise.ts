/**
 * Who a token speaks for, and what they may do: one table, deny by default. A method that is not in
 * it is refused to everybody.
 *
 * Reads are open to every role but `worker`; what they show holds no secrets. A job's own token
 * speaks for the whole tree of its job and for nothing else.
 *
 * @module
 */

import type { Micros } from "../base/time.ts";
import { CapstanError } from "../model/errors.ts";
import { type Principal, type Role, roles } from "../model/job.ts";
import { type Band, bandCode, bands } from "../model/states.ts";
import { isTokenAlive } from "./access-state.ts";
import type { ApiRequest } from "./events.ts";
import { isWithin, rootPath } from "./job-tree.ts";
import { findJobByTokenHash } from "./jobs.ts";
import { absoluteId, taskNamed } from "./lookup.ts";
import { type ControllerState, jobNamed, taskIdOf } from "./state.ts";
import { budgetOf } from "./users.ts";

/** A request of the API by field, its shape checked. */
type Fields = { readonly [field: string]: unknown };

interface Call {
  readonly state: ControllerState;
  readonly principal: Principal;
  readonly fields: Fields;
}

/** What a method needs. */
interface Rule {
  readonly roles: readonly Role[];
  /** Not for the token of a job. */
  readonly personal?: true;
  /** What it may be done to; not asked for an administrator. */
  readonly check?: (call: Call) => CapstanError | null;
}

const read: Rule = { roles: ["admin", "user", "viewer"] };
const administer: Rule = { roles: ["admin"], personal: true };
const writers: readonly Role[] = ["admin", "user"];

const rules = {
  GetJobStatus: read,
  ListJobs: read,
  GetJobResults: read,
  GetTaskStatus: read,
  ListTasks: read,
  ListWorkers: read,
  GetWorkerStatus: read,
  FetchLogs: read,
  GetSchedulerState: read,
  GetOverview: read,
  GetQueue: read,
  GetTaskGrid: read,
  GetGraph: read,
  GetTaskStream: read,
  Explain: read,
  GetStory: read,
  ListEvents: read,
  GetDoctorReport: read,
  ListUsers: read,
  ListEndpoints: read,
  ListPublishedValues: read,
  ListLocks: read,
  GetClusterInfo: read,
  ListTokens: { ...read, personal: true },
  WhoAmI: { roles },
  LaunchJob: { roles: writers, check: checkLaunch },
  TerminateJob: { roles: writers, check: checkOwnJob },
  RetryJob: { roles: writers, check: checkRetryJob },
  RetryTask: { roles: writers, check: checkOwnTask },
  // It stops the thread for a moment: not for who may only look.
  GetTaskStack: { roles: writers, check: checkOwnTask },
  RegisterEndpoint: { roles: writers, check: checkRegister },
  ReportProgress: { roles: writers, check: checkOwnTask },
  UnregisterEndpoint: { roles: writers, check: checkUnregister },
  UnpublishValue: { roles: writers, check: checkUnpublish },
  ReplicateValue: { roles: writers, check: checkOwnTask },
  CreateToken: { roles: writers, personal: true, check: checkCreateToken },
  RevokeToken: { roles: writers, personal: true, check: checkRevokeToken },
  SetUserBudget: administer,
  DrainWorker: administer,
  CordonWorker: administer,
  Repair: administer,
  RestartCluster: administer,
  RebalanceValues: administer,
  GetTaskCredentials: { roles: ["admin", "worker"], personal: true },
  ReportWorkerExit: { roles: ["admin", "worker"], personal: true },
} as const satisfies { readonly [method: string]: Rule };

/** The methods that somebody may call, and who, before it is asked what they do it to. */
export const methodRoles: { readonly [method: string]: readonly Role[] } = Object.fromEntries(
  Object.entries(rules).map(([method, rule]) => [method, rule.roles]),
);

/**
 * Whose secret has this hash (SHA-256, hex), or null: unknown, revoked, expired, or the token of a
 * job that is over.
 */
export function principalOf(state: ControllerState, hash: string, at: Micros): Principal | null {
  const { tokens, tokensByHash } = state.access;
  const token = tokens.get(tokensByHash.get(hash) ?? "");
  if (token !== undefined) {
    return isTokenAlive(token, at) ? { user: token.user, role: token.role, jobId: "" } : null;
  }
  const job = findJobByTokenHash(state, hash);
  if (job === undefined || job.finishedAt > 0) return null;
  return { user: job.user, role: "user", jobId: rootPath(job.id) };
}

/** The refusal of a call, or null if the principal may make it. */
export function authorise(
  state: ControllerState,
  principal: Principal,
  method: string,
  request: Fields,
): CapstanError | null {
  const rule: Rule | undefined = Object.hasOwn(rules, method)
    ? rules[method as keyof typeof rules]
    : undefined;
  if (rule === undefined) return forbidden(`${method}: nobody may call it`);
  if (!rule.roles.includes(principal.role)) {
    const needed = rule.roles.join(" or ");
    return forbidden(`${method}: needs role ${needed}; ${speaker(principal)}`);
  }
  if (rule.personal === true && principal.jobId !== "") {
    return forbidden(`${method}: not for the token of a job; use a token of your own`);
  }
  if (isUnlimited(principal)) return null;
  return rule.check?.({ state, principal, fields: request }) ?? null;
}

/** An administrator in person. A token of a job is never more than its job. */
function isUnlimited({ role, jobId }: Principal): boolean {
  return role === "admin" && jobId === "";
}

const methodOf: { readonly [T in ApiRequest["type"]]: keyof typeof rules } = {
  "launch-job": "LaunchJob",
  "terminate-job": "TerminateJob",
  "retry-job": "RetryJob",
  "retry-task": "RetryTask",
  "drain-worker": "DrainWorker",
  "cordon-worker": "CordonWorker",
  "set-user-budget": "SetUserBudget",
  "create-token": "CreateToken",
  "revoke-token": "RevokeToken",
  "register-endpoint": "RegisterEndpoint",
  "unregister-endpoint": "UnregisterEndpoint",
  "report-progress": "ReportProgress",
  "unpublish-value": "UnpublishValue",
  "replicate-value": "ReplicateValue",
  "rebalance-values": "RebalanceValues",
  "restart-cluster": "RestartCluster",
  repair: "Repair",
};

/** The same for a change that has become an event: as it was parsed, at the state that it meets. */
export function authoriseRequest(
  state: ControllerState,
  principal: Principal,
  request: ApiRequest,
): CapstanError | null {
  return authorise(state, principal, methodOf[request.type], fieldsOf(request));
}

function fieldsOf(request: ApiRequest): Fields {
  if (request.type !== "launch-job") return { ...request };
  const { jobId, task } = request.spec;
  return { name: jobId, band: task.band };
}

/** The refusal of a band that is better than the user may ask for, or null. */
export function checkBand(state: ControllerState, user: string, band: Band): CapstanError | null {
  const { bandMax } = budgetOf(state, user);
  if (bandCode[band] >= bandCode[bandMax]) return null;
  return new CapstanError(
    "QUOTA_EXCEEDED",
    `band: ${user} may ask for ${bandMax} at best, not for ${band}; name a lower band, or ` +
      "have an administrator raise bandMax (SetUserBudget)",
    { details: { field: "band", user, band, bandMax } },
  );
}

function checkLaunch({ state, principal, fields }: Call): CapstanError | null {
  const { user } = principal;
  const { name, band, user: owner = user } = fields;
  if (owner !== user && owner !== "") {
    return forbidden(
      `user: only an administrator launches for somebody else; ${speaker(principal)}`,
    );
  }
  const path = absoluteName(user, textOf(name));
  const refusal = checkOwned("name", path, principal);
  if (refusal !== null) return refusal;
  // Its children are its own; the job itself is for whoever launched it.
  if (path === principal.jobId) {
    return forbidden(`name: ${path} is the job itself; its token launches only what is below it`);
  }
  const asked = bands.find((one) => one === textOf(band).toLowerCase());
  return asked === undefined ? null : checkBand(state, user, asked);
}

/** A relative name is below its user. */
function absoluteName(user: string, name: string): string {
  return name.startsWith("/") ? name : `/${user}/${name}`;
}

function checkOwnJob({ principal, fields }: Call): CapstanError | null {
  return checkOwned("jobId", textOf(fields.jobId), principal);
}

/** A job that has ended is launched again: what its user may ask for may have changed since. */
function checkRetryJob(call: Call): CapstanError | null {
  const { state, principal, fields } = call;
  const launch = jobNamed(state, textOf(fields.jobId))?.launch ?? null;
  const refusal = checkOwnJob(call);
  if (refusal !== null || launch === null || launch.ended === null) return refusal;
  return checkBand(state, principal.user, launch.spec.task.band);
}

/** It may be named by its key; what names nothing is for others to tell. */
function checkOwnTask({ state, principal, fields }: Call): CapstanError | null {
  const task = taskNamed(state, absoluteId(state, textOf(fields.taskId), principal.user));
  return task < 0 ? null : checkOwned("taskId", taskIdOf(state, task), principal);
}

function checkRegister({ principal, fields }: Call): CapstanError | null {
  return checkOwned("taskId", textOf(fields.taskId), principal);
}

function checkUnregister({ state, principal, fields }: Call): CapstanError | null {
  const endpoint = state.access.endpoints.get(textOf(fields.endpointId));
  return endpoint === undefined ? null : checkOwned("endpointId", endpoint.taskId, principal);
}

function checkUnpublish({ principal, fields }: Call): CapstanError | null {
  const owner = textOf(fields.user);
  if (owner === "" || owner === principal.user) return null;
  return forbidden(
    `user: only an administrator unpublishes for somebody else; ${speaker(principal)}`,
  );
}

function checkCreateToken({ principal, fields }: Call): CapstanError | null {
  const { user = principal.user, role } = fields;
  if (user !== principal.user) {
    return forbidden(`user: only an administrator makes tokens for others; ${speaker(principal)}`);
  }
  if (role === "user") return null;
  // A viewer sees the jobs and logs of all.
  return forbidden(`role: a token of role user makes those of role user; ${speaker(principal)}`);
}

/** The token of somebody else is as unknown as one that never was. */
function checkRevokeToken({ state, principal, fields }: Call): CapstanError | null {
  const tokenId = textOf(fields.tokenId);
  return state.access.tokens.get(tokenId)?.user === principal.user ? null : noSuchToken(tokenId);
}

/** The refusal of a token id that names nothing. */
export function noSuchToken(tokenId: string): CapstanError {
  return new CapstanError(
    "NOT_FOUND",
    `no token ${JSON.stringify(tokenId)}; \`capstan token list\` shows those that there are`,
    { details: { tokenId } },
  );
}

/** A job or task, named by its path, must be of the principal's tree, or of its user. */
function checkOwned(field: string, path: string, principal: Principal): CapstanError | null {
  const { user, jobId } = principal;
  const whole = jobId === "" ? `/${user}` : jobId;
  if (isWithin(path, whole) && path !== `/${user}`) return null;
  return forbidden(
    `${field}: ${JSON.stringify(path)} is not below ${whole}; ${speaker(principal)}`,
    { field },
  );
}

function speaker({ user, role, jobId }: Principal): string {
  return jobId === ""
    ? `this token is of ${user}, role ${role}`
    : `this token speaks for the job ${jobId} of ${user}`;
}

function forbidden(message: string, details: Fields = {}): CapstanError {
  return new CapstanError("FORBIDDEN", message, { details });
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
