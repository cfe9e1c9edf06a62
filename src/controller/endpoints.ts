/**
 * Endpoints: where a running task can be reached, under a name of its job tree.
 *
 *     register ─▶ visible ─▶ (lease over | attempt let go of) ─▶ invisible ─▶ dropped
 *                    ▲ │
 *                    └─┘ renewed under the same id
 *
 * Only the current attempt of a task that has not ended has endpoints that are seen. So a retry
 * never meets the address of the attempt before it, whether or not that one has ended already.
 *
 * @module
 */

import { present } from "../base/assert.ts";
import { type Micros, microsPerMs } from "../base/time.ts";
import { CapstanError } from "../model/errors.ts";
import { type AttemptId, attemptId, formatAttemptId, noAttempt } from "../model/ids.ts";
import { invalidArgument } from "../model/parse-fields.ts";
import { isTerminalCode } from "../model/states.ts";
import {
  endpointAddressCharactersMax,
  endpointIdCharactersMax,
  endpointMetadataCharactersMax,
  endpointMetadataMax,
  endpointNameCharactersMax,
  endpointsMax,
  endpointsPerAttemptMax,
  leaseMaxMs,
  leaseMinMs,
} from "./access-limits.ts";
import type { EndpointRecord } from "./access-state.ts";
import type { AccessFact } from "./apply-access.ts";
import type { ApiRequest } from "./events.ts";
import { rootPath } from "./job-tree.ts";
import { type ControllerState, jobOf, taskIdOf } from "./state.ts";
import { noSlot } from "./tables/task-table.ts";
import { formatTime } from "./views.ts";

/** What records the facts of administration: the outbox of a step. */
export interface AccessRecorder {
  record(state: ControllerState, fact: AccessFact): void;
}

type Registration = Extract<ApiRequest, { type: "register-endpoint" }>;

/** By its full name, or by what that begins with; "" is every endpoint. */
export type EndpointQuery = { readonly name: string } | { readonly prefix: string };

/** The endpoints that a client may use at `at`, by name and then by id. */
export function endpointsVisible(
  state: ControllerState,
  query: EndpointQuery,
  at: Micros,
): EndpointRecord[] {
  return candidates(state, query)
    .filter((endpoint) => isVisible(state, endpoint, at))
    .sort((a, b) => compareTexts(a.name, b.name) || compareTexts(a.endpointId, b.endpointId));
}

function candidates({ access }: ControllerState, query: EndpointQuery): EndpointRecord[] {
  if ("prefix" in query) {
    return [...access.endpoints.values()].filter(({ name }) => name.startsWith(query.prefix));
  }
  const ids = access.endpointsByName.get(query.name) ?? [];
  return [...ids].map((id) => present(access.endpoints.get(id), "an index has what is there"));
}

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

/** Leased, and of the current attempt of a task that has not ended. */
function isVisible(state: ControllerState, endpoint: EndpointRecord, at: Micros): boolean {
  return at < endpoint.expiresAt && isServing(state, endpoint);
}

function isServing({ tasks, attempts }: ControllerState, endpoint: EndpointRecord): boolean {
  const task = tasks.find(endpoint.task);
  if (task < 0 || isTerminalCode(tasks.state[task])) return false;
  const row = tasks.attempt[task];
  return row !== noSlot && attempts.id[row] === endpoint.attempt;
}

/**
 * The endpoint that a request asks for, or why not. It must come from the current attempt of a task
 * that has not ended: whatever registers later is refused, and leaves nothing behind.
 */
export function newEndpoint(
  state: ControllerState,
  request: Registration,
  at: Micros,
): EndpointRecord | CapstanError {
  const refusal = checkForm(request);
  if (refusal !== null) return refusal;
  const owner = findOwner(state, request);
  if (owner === null) return notServing(request);
  const leaseMs = request.leaseMs === 0 ? leaseMaxMs : request.leaseMs;
  const before = state.access.endpoints.get(request.endpointId);
  const { endpointId, address, taskId, metadata } = request;
  const endpoint: EndpointRecord = {
    ...{ endpointId, address, taskId, metadata, leaseMs },
    ...owner,
    name: `${rootPath(taskId)}/${request.name}`,
    registeredAt: before?.attempt === owner.attempt ? before.registeredAt : at,
    expiresAt: at + leaseMs * microsPerMs,
  };
  return checkRoom(state, endpoint, before, at) ?? endpoint;
}

/** The task and attempt that a registration names, if it is current. */
function findOwner(
  state: ControllerState,
  { taskId, attemptId: text }: Registration,
): Pick<EndpointRecord, "task" | "attempt"> | null {
  const { tasks, attempts } = state;
  const attempt = parseAttemptId(text);
  const row = attempt === noAttempt ? -1 : attempts.id.indexOf(attempt);
  if (row < 0) return null;
  const task = attempts.task[row];
  const isCurrent = tasks.attempt[task] === row && !isTerminalCode(tasks.state[task]);
  if (!isCurrent || taskIdOf(state, task) !== taskId) return null;
  return { task: tasks.ref(task), attempt };
}

/** Whose task a live attempt is of; throws NOT_FOUND. */
export function userOfAttempt(
  state: ControllerState,
  request: { readonly [field: string]: unknown },
): { readonly user: string } {
  const { attempts, tasks } = state;
  const text = String(request.attemptId);
  const attempt = parseAttemptId(text);
  const row = attempt === noAttempt ? -1 : attempts.id.indexOf(attempt);
  const task = row < 0 ? -1 : attempts.task[row];
  if (task < 0 || tasks.attempt[task] !== row) {
    throw new CapstanError("NOT_FOUND", `attemptId: ${JSON.stringify(text)} is no live attempt`);
  }
  return { user: jobOf(state, task).user };
}

/** From `"3.17"`; `noAttempt` for what no attempt is called. */
function parseAttemptId(text: string): AttemptId {
  const [, epoch, counter] = /(\d{1,6})\.(\d{1,11})/.exec(text) ?? ["", "0", "0"];
  const id = attemptId(Number(epoch), Number(counter));
  return formatAttemptId(id) === text ? id : noAttempt;
}

function notServing({ taskId, attemptId }: Registration): CapstanError {
  return new CapstanError(
    "NOT_FOUND",
    `attemptId: ${JSON.stringify(attemptId)} is not the current attempt of ` +
      `${JSON.stringify(taskId)}: the task has ended, is tried again, or never was; register ` +
      "with CAPSTAN_TASK_ID and CAPSTAN_ATTEMPT_ID while the task runs",
    { details: { taskId, attemptId } },
  );
}

function checkRoom(
  state: ControllerState,
  { endpointId, task, attempt }: EndpointRecord,
  before: EndpointRecord | undefined,
  at: Micros,
): CapstanError | null {
  const { access } = state;
  if (before !== undefined && before.task !== task && isVisible(state, before, at)) {
    return new CapstanError(
      "ALREADY_EXISTS",
      `endpointId: ${JSON.stringify(endpointId)} is an endpoint of ${before.taskId}; ` +
        "choose another id, a random one is best",
      { details: { endpointId, taskId: before.taskId } },
    );
  }
  if (before?.attempt === attempt) return null;
  if ((access.endpointsByAttempt.get(attempt)?.size ?? 0) >= endpointsPerAttemptMax) {
    return new CapstanError(
      "QUOTA_EXCEEDED",
      `endpointId: an attempt has ${endpointsPerAttemptMax} endpoints at most; unregister one, ` +
        "or renew one under its own id",
    );
  }
  if (before !== undefined || access.endpoints.size < endpointsMax) return null;
  return new CapstanError(
    "OVERLOADED",
    `the cluster has ${endpointsMax} endpoints, which is the limit; try again when some are gone`,
  );
}

const endpointIdPattern = new RegExp(`^[A-Za-z0-9._:-]{1,${endpointIdCharactersMax}}$`);
const namePattern = /^[A-Za-z0-9._@-]+(?:\/[A-Za-z0-9._@-]+)*$/;
const addressPattern = new RegExp(`^[\\x21-\\x7e]{1,${endpointAddressCharactersMax}}$`);

function checkForm(request: Registration): CapstanError | null {
  const { endpointId, name, address, leaseMs, metadata } = request;
  if (!endpointIdPattern.test(endpointId)) {
    const expected = `1 to ${endpointIdCharactersMax} of letters, digits and ".", "_", ":", "-"`;
    return invalidArgument("endpointId", endpointId, expected);
  }
  if (name.length > endpointNameCharactersMax || !namePattern.test(name)) {
    const expected = `a relative name such as "model/0", at most ${endpointNameCharactersMax} long`;
    return invalidArgument("name", name, expected);
  }
  if (!addressPattern.test(address)) {
    const expected = `an address such as "host:80", at most ${endpointAddressCharactersMax} long`;
    return invalidArgument("address", address, expected);
  }
  return checkLease(leaseMs) ?? checkMetadata(metadata);
}

function checkLease(leaseMs: number): CapstanError | null {
  if (leaseMs === 0) return null;
  if (Number.isInteger(leaseMs) && leaseMs >= leaseMinMs && leaseMs <= leaseMaxMs) return null;
  return invalidArgument("lease", leaseMs, `0 or ${leaseMinMs} to ${leaseMaxMs} milliseconds`);
}

function checkMetadata(metadata: Registration["metadata"]): CapstanError | null {
  const entries = Object.entries(metadata);
  if (entries.length > endpointMetadataMax) {
    return invalidArgument("metadata", metadata, `of at most ${endpointMetadataMax} entries`);
  }
  for (const [key, value] of entries) {
    const isShort = value.length <= endpointMetadataCharactersMax;
    if (isShort && key.length <= endpointIdCharactersMax) continue;
    const most = `${endpointIdCharactersMax} and ${endpointMetadataCharactersMax}`;
    const field = `metadata.${key.slice(0, endpointIdCharactersMax)}`;
    return invalidArgument(field, value, `short: key and text have at most ${most} characters`);
  }
  return null;
}

/** An endpoint as the API shows it. */
export function endpointView(endpoint: EndpointRecord) {
  const { endpointId, name, address, taskId, attempt, metadata, leaseMs } = endpoint;
  return {
    ...{ endpointId, name, address, taskId },
    attemptId: formatAttemptId(attempt),
    metadata,
    leaseMs,
    registeredAt: formatTime(endpoint.registeredAt),
    expiresAt: formatTime(endpoint.expiresAt),
  };
}

/**
 * Drops what nobody can see any more: when a lease may have ended, and whenever silence is looked
 * at. For every tick, before that one says `silence-checked`.
 */
export function expireEndpoints(state: ControllerState, out: AccessRecorder, at: Micros): void {
  const { access } = state;
  const leaseIsDue = at >= access.sweepEndpointsAt;
  if (access.endpoints.size === 0 || (!leaseIsDue && at < state.nextSilenceCheckAt)) return;
  const ids: string[] = [];
  for (const [id, endpoint] of access.endpoints) {
    if (!isVisible(state, endpoint, at)) ids.push(id);
  }
  // Recorded also when all were renewed in time: then it moves the next look.
  if (ids.length > 0 || leaseIsDue) out.record(state, { type: "endpoints-dropped", at, ids });
}

/** When a lease may end, infinite while there is none: for `nextDeadline`. */
export function nextEndpointDeadline({ access }: ControllerState): Micros {
  return access.sweepEndpointsAt === 0 ? Number.POSITIVE_INFINITY : access.sweepEndpointsAt;
}
