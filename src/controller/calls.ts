/**
 * Changes that come through the API: who may make them, and who carries them out.
 *
 * @module
 */

import { assertNever } from "../base/assert.ts";
import {
  type ApiAnswer,
  onCreateToken,
  onRegisterEndpoint,
  onRevokeToken,
  onSetUserBudget,
  onUnregisterEndpoint,
} from "./access.ts";
import { authoriseRequest } from "./authorise.ts";
import type { ApiRequest, ControllerEvent } from "./events.ts";
import { onLaunchJob, onTerminateJob } from "./jobs.ts";
import { absoluteId } from "./lookup.ts";
import type { Outbox } from "./outbox.ts";
import { onReportProgress } from "./progress.ts";
import { onUnpublish } from "./published.ts";
import { onRebalance } from "./rebalance.ts";
import { onRepair } from "./repair.ts";
import { onReplicateValue } from "./replicated.ts";
import { onRestartCluster } from "./restarts.ts";
import { onRetryJob, onRetryTask } from "./retry.ts";
import type { ControllerState } from "./state.ts";
import { onCordonWorker, onDrainWorker } from "./worker-orders.ts";

type ApiCalled = Extract<ControllerEvent, { type: "api-called" }>;

/** Answers one call, or lets it wait; the answer leaves when what it did is durable. */
export function onApiCalled(state: ControllerState, out: Outbox, event: ApiCalled): void {
  const answer = answerOf(state, out, event);
  if (answer === null) return; // It is answered when it is done.
  const { call } = event;
  out.sends.push(
    "error" in answer
      ? { type: "reply-to-call", call, result: null, error: answer.error }
      : { type: "reply-to-call", call, result: answer.result, error: null },
  );
}

/** A person may leave out the user of a job or task. */
function withFullId(state: ControllerState, { request, principal }: ApiCalled): ApiRequest {
  switch (request.type) {
    case "terminate-job":
    case "retry-job":
      return { ...request, jobId: absoluteId(state, request.jobId, principal.user) };
    case "retry-task":
    case "report-progress":
    case "replicate-value":
      return { ...request, taskId: absoluteId(state, request.taskId, principal.user) };
    default:
      return request;
  }
}

function answerOf(state: ControllerState, out: Outbox, event: ApiCalled): ApiAnswer | null {
  const { principal, at } = event;
  const request = withFullId(state, event);
  const refusal = authoriseRequest(state, principal, request);
  if (refusal !== null) return { error: refusal };
  switch (request.type) {
    case "launch-job":
      return onLaunchJob(state, out, { principal, request, at });
    case "terminate-job":
      return onTerminateJob(state, out, { principal, request, at });
    case "retry-task":
      return onRetryTask(state, out, { principal, request, at });
    case "retry-job":
      return onRetryJob(state, out, { principal, request, at });
    case "drain-worker":
      return onDrainWorker(state, out, { principal, request, at });
    case "cordon-worker":
      return onCordonWorker(state, out, { principal, request, at });
    case "set-user-budget":
      return onSetUserBudget(state, out, { principal, request, at });
    case "create-token":
      return onCreateToken(state, out, { principal, request, at });
    case "revoke-token":
      return onRevokeToken(state, out, { principal, request, at });
    case "register-endpoint":
      return onRegisterEndpoint(state, out, { principal, request, at });
    case "unregister-endpoint":
      return onUnregisterEndpoint(state, out, { principal, request, at });
    case "report-progress":
      return onReportProgress(state, out, { request, at });
    case "unpublish-value": {
      const user = request.user === "" ? principal.user : request.user;
      return onUnpublish(state, out, { user, name: request.name, at });
    }
    case "replicate-value":
      return onReplicateValue(state, out, { request, at });
    case "rebalance-values":
      return onRebalance(state, out);
    case "restart-cluster":
      onRestartCluster(state, out, { principal, request, call: event.call, at });
      return null;
    case "repair":
      return onRepair(state, out, { dryRun: request.dryRun, at });
    default:
      return assertNever(request);
  }
}
