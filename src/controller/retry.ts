/**
 * Another try that a person asks for: of a task, or of all of a job that failed.
 *
 * What is open goes on where it is: its failed tasks run again, with the failed tasks that they
 * depend on. A launched job that has ended never changes: it is launched again, whole, under its
 * name ([ADR 29](../../docs/adr/0029-hung-work-is-named-never-ended.md)).
 *
 * @module
 */

import type { Micros } from "../base/time.ts";
import { CapstanError } from "../model/errors.ts";
import type { Principal } from "../model/job.ts";
import { taskStateCode, taskStates } from "../model/states.ts";
import type { ApiAnswer } from "./access.ts";
import type { ApiRequest } from "./events.ts";
import { jobState } from "./job-state.ts";
import { launchJob, launchRefusal, noSuchJob, rowsOf } from "./jobs.ts";
import { noSuchTask, taskNamed } from "./lookup.ts";
import { isComputed, whyNeverAgain } from "./offers.ts";
import type { Outbox } from "./outbox.ts";
import { type ControllerState, type Job, jobNamed, jobOf, type Launch, taskIdOf } from "./state.ts";
import { retryTasks } from "./wants.ts";

interface Asked<T extends ApiRequest["type"]> {
  readonly principal: Principal;
  readonly request: Extract<ApiRequest, { type: T }>;
  readonly at: Micros;
}

/** RetryTask: how many tasks run again, itself and failed ones before it; 0 if it did not fail. */
export function onRetryTask(
  state: ControllerState,
  out: Outbox,
  { principal, request, at }: Asked<"retry-task">,
): ApiAnswer {
  const task = taskNamed(state, request.taskId);
  if (task < 0) return { error: noSuchTask(request.taskId) };
  const refusal = retryRefusal(state, task);
  if (refusal !== null) {
    const { message, details } = refusal;
    return { error: new CapstanError("CONFLICT", `taskId: ${message}`, { details }) };
  }
  const taskId = taskIdOf(state, task);
  const retriedCount = retryTasks(state, out, { tasks: [task], at, by: principal.user });
  return { result: { taskId, state: taskStates[state.tasks.state[task]], retriedCount } };
}

interface RetryRefusal {
  readonly message: string;
  readonly details: { readonly [name: string]: string };
}

/** Why a task that failed is not run again, whoever asks; null if it is, or has not failed. */
export function retryRefusal(state: ControllerState, task: number): RetryRefusal | null {
  if (!hasFailed(state, task)) return null;
  const job = jobOf(state, task);
  if (job.launch !== null && job.launch.ended !== null) return jobIsOver(job);
  if (isComputed(state, task)) return null;
  const taskId = taskIdOf(state, task);
  const ended = taskStates[state.tasks.state[task]];
  const message = `${taskId} is ${ended} and does not run again: ${whyNeverAgain(state, task)}`;
  return { message, details: { taskId } };
}

/** RetryJob: how many of its tasks run again; all of them if it had ended without success. */
export function onRetryJob(
  state: ControllerState,
  out: Outbox,
  { principal, request, at }: Asked<"retry-job">,
): ApiAnswer {
  const job = jobNamed(state, request.jobId);
  if (job === undefined) return { error: noSuchJob(request.jobId) };
  const { launch } = job;
  if (launch !== null && launch.ended !== null && launch.ended !== "SUCCEEDED") {
    return launchAgain(state, out, launch, { principal, request, at });
  }
  // A job that succeeded with the failures that it allowed for has ended, and well.
  const failed = launch?.ended === "SUCCEEDED" ? [] : failedTasks(state, job);
  const retriedCount = retryTasks(state, out, { tasks: failed, at, by: principal.user });
  return { result: { jobId: job.id, state: jobState(job), relaunched: false, retriedCount } };
}

function launchAgain(
  state: ControllerState,
  out: Outbox,
  launch: Launch,
  { principal, request, at }: Asked<"retry-job">,
): ApiAnswer {
  const { spec } = launch;
  const refusal = launchRefusal(state, spec);
  if (refusal !== null) return { error: refusal };
  const { token, tokenHash } = request;
  const job = launchJob(state, out, { spec, token, tokenHash, by: principal.user, at });
  const { replicas: retriedCount } = spec;
  return { result: { jobId: job.id, state: jobState(job), relaunched: true, retriedCount } };
}

function failedTasks(state: ControllerState, job: Job): number[] {
  return rowsOf(state, job).filter((task) => hasFailed(state, task));
}

function hasFailed({ tasks }: ControllerState, task: number): boolean {
  return tasks.state[task] > taskStateCode.SUCCEEDED;
}

function jobIsOver(job: Job): RetryRefusal {
  const state = jobState(job);
  const how =
    state === "SUCCEEDED"
      ? "launch it again, under its name or another"
      : `\`capstan job retry ${job.id}\` launches it again`;
  const message = `${job.id} is ${state}, and a job that has ended never changes; ${how}`;
  return { message, details: { jobId: job.id, state } };
}
