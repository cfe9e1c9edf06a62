/**
 * Launched jobs: how they begin, how they are ended by a person, and the one place where a job
 * becomes terminal.
 *
 *     open ─▶ (first match of its tasks' states) ─▶ SUCCEEDED | FAILED | KILLED | …
 *
 * A job that ends takes what is still open of it along, and its children as its policy says. What
 * runs is ordered to stop and stays charged until it has ended.
 *
 * @module
 */

import { present } from "../base/assert.ts";
import type { Micros } from "../base/time.ts";
import { CapstanError } from "../model/errors.ts";
import type { TaskFailure } from "../model/failure.ts";
import type { JobSpec, Principal } from "../model/job.ts";
import { isTerminalCode, taskStateCode } from "../model/states.ts";
import type { ApiAnswer } from "./access.ts";
import type { ApiRequest } from "./events.ts";
import { jobState, openTasks, terminalState } from "./job-state.ts";
import { parentPath, treeOf } from "./job-tree.ts";
import { jobDepthMax, replicasMax } from "./limits.ts";
import type { Outbox } from "./outbox.ts";
import {
  type ControllerState,
  type Job,
  jobNamed,
  type Launch,
  launchAt,
  specRecord,
} from "./state.ts";
import { unplaceableWarnings } from "./unplaceable.ts";
import { budgetOf } from "./users.ts";
import { killTasks } from "./wants.ts";

type Request<T extends ApiRequest["type"]> = Extract<ApiRequest, { type: T }>;

/** Everything that could be wrong is found before the first fact. */
export function onLaunchJob(
  state: ControllerState,
  out: Outbox,
  event: { principal: Principal; request: Request<"launch-job">; at: Micros },
): ApiAnswer {
  const { request, at } = event;
  const { spec, token, tokenHash } = request;
  const existing = jobNamed(state, spec.jobId);
  if (existing !== undefined && isOpenJob(existing)) {
    if (spec.onExisting === "KEEP" && existing.launch !== null) return kept(state, existing);
    if (spec.onExisting === "ERROR" || existing.launch === null) return { error: taken(existing) };
  }
  const refusal = launchRefusal(state, spec);
  if (refusal !== null) return { error: refusal };
  if (existing !== undefined && isOpenJob(existing)) {
    endTree(state, out, existing, { message: `replaced by a new ${spec.jobId}`, at });
    settleJobs(state, out, at);
  }
  const job = launchJob(state, out, { spec, token, tokenHash, by: event.principal.user, at });
  return { result: { jobId: job.id, created: true, warnings: warningsOf(state, job) } };
}

/** What a job begins with. */
export interface LaunchOrder {
  readonly spec: JobSpec;
  readonly token: string;
  readonly tokenHash: string;
  /** Who asked for it. */
  readonly by: string;
  readonly at: Micros;
}

/** Begins a job that nothing refuses. */
export function launchJob(state: ControllerState, out: Outbox, { by, ...order }: LaunchOrder): Job {
  const { jobId } = order.spec;
  const user = userOfJob(jobId);
  const asker = by === user ? {} : { by };
  out.record(state, { type: "job-launched", ...order, user, ...asker });
  return present(jobNamed(state, jobId), "it was just launched");
}

function kept(state: ControllerState, job: Job): ApiAnswer {
  return { result: { jobId: job.id, created: false, warnings: warningsOf(state, job) } };
}

function warningsOf(state: ControllerState, job: Job) {
  if (job.launch === null) return [];
  const { shape } = specRecord(state, job.launch.specIndex);
  return unplaceableWarnings(state, state.shapes[shape], job.launch.rows.length);
}

function isOpenJob(job: Job): boolean {
  if (job.launch !== null) return job.launch.ended === null;
  return !job.sessionEnded || openTasks(job) > 0;
}

function taken(job: Job): CapstanError {
  return new CapstanError(
    "ALREADY_EXISTS",
    `name: ${job.id} is ${jobState(job)}; choose another name, cancel it, or say onExisting ` +
      "KEEP or RECREATE",
    { details: { jobId: job.id, state: jobState(job) } },
  );
}

/** `/user/…` names whose job it is. */
export function userOfJob(jobId: string): string {
  return jobId.split("/", 2)[1];
}

/** Why a job cannot begin, whoever asks; null if it can. */
export function launchRefusal(state: ControllerState, spec: JobSpec): CapstanError | null {
  return sizeRefusal(spec) ?? parentRefusal(state, spec) ?? quotaRefusal(state, spec) ?? null;
}

function sizeRefusal({ replicas, jobId }: JobSpec): CapstanError | null {
  if (replicas < 1 || replicas > replicasMax) {
    return new CapstanError(
      "INVALID_SPEC",
      `replicas: expected 1 to ${replicasMax}, not ${replicas}; launch several jobs for more`,
    );
  }
  if (jobId.split("/").length - 2 <= jobDepthMax) return null;
  return new CapstanError("INVALID_SPEC", `name: jobs are nested ${jobDepthMax} deep at most`);
}

function parentRefusal(state: ControllerState, { jobId }: JobSpec): CapstanError | null {
  const path = parentPath(jobId);
  if (path === null) return null;
  const parent = jobNamed(state, path);
  if (parent !== undefined && isOpenJob(parent)) return null;
  const why = parent === undefined ? "does not exist" : `is ${jobState(parent)}`;
  return new CapstanError(
    "NOT_FOUND",
    `name: the parent job ${path} ${why}; a child can only be launched while its parent runs`,
    { details: { parent: path } },
  );
}

function quotaRefusal(state: ControllerState, spec: JobSpec): CapstanError | null {
  const user = userOfJob(spec.jobId);
  const { activeTasksMax } = budgetOf(state, user);
  const active = activeTasksOf(state, user);
  if (active + spec.replicas <= activeTasksMax) return null;
  return new CapstanError(
    "QUOTA_EXCEEDED",
    `replicas: ${user} has ${active} tasks that have not ended, and ${spec.replicas} more would ` +
      `exceed the limit of ${activeTasksMax}; wait for some to end, or ask an administrator`,
    { details: { user, active, activeTasksMax } },
  );
}

/** Tasks of a user that have not ended. */
export function activeTasksOf(state: ControllerState, user: string): number {
  return state.users[state.usersByName.get(user) ?? -1]?.openTasks ?? 0;
}

/** The job whose tasks bear this token, while it is open. */
export function findJobByTokenHash(state: ControllerState, hash: string): Job | undefined {
  const job = state.jobs[state.jobsByTokenHash.get(hash) ?? -1];
  return job?.launch?.ended === null ? job : undefined;
}

/** The job of a name; throws NOT_FOUND. */
export function findJob(state: ControllerState, jobId: string): Job {
  const job = jobNamed(state, jobId);
  if (job !== undefined) return job;
  throw noSuchJob(jobId);
}

export function noSuchJob(jobId: string): CapstanError {
  return new CapstanError(
    "NOT_FOUND",
    `no job ${JSON.stringify(jobId)}: it never existed, or it ended long ago and was forgotten; ` +
      "`capstan job list` shows what is remembered",
    { details: { jobId } },
  );
}

/** Cancels a job and everything below it, whatever its policy. */
export function onTerminateJob(
  state: ControllerState,
  out: Outbox,
  event: { principal: Principal; request: Request<"terminate-job">; at: Micros },
): ApiAnswer {
  const { principal, request, at } = event;
  const job = jobNamed(state, request.jobId);
  if (job === undefined) return { error: noSuchJob(request.jobId) };
  const wasOpen = isOpenJob(job);
  const who = `cancelled by ${principal.user}`;
  const why = request.reason === "" ? who : `${who}: ${request.reason}`;
  endTree(state, out, job, { message: why, at });
  settleJobs(state, out, at);
  return { result: { jobId: job.id, terminated: wasOpen, state: jobState(job) } };
}

interface Ending {
  readonly message: string;
  readonly at: Micros;
}

/** Kills what is open of a job and of all below it. */
function endTree(state: ControllerState, out: Outbox, job: Job, ending: Ending): void {
  for (const one of treeOf(state, job)) killOpenTasks(state, out, one, ending);
}

function killOpenTasks(state: ControllerState, out: Outbox, job: Job, ending: Ending): void {
  const { tasks } = state;
  const open = rowsOf(state, job).filter((task) => !isTerminalCode(tasks.state[task]));
  killTasks(state, out, { tasks: open, code: "TASK_CANCELLED", ...ending });
}

/** The rows of the tasks of a job that are remembered. Of a graph: linear in all tasks. */
export function rowsOf(state: ControllerState, { launch, index }: Job): number[] {
  if (launch !== null) return [...launch.rows];
  return [...state.tasks.rows()].filter((task) => state.tasks.job[task] === index);
}

/** Ends every job whose tasks say that it is over. Each step closes with it. */
export function settleJobs(state: ControllerState, out: Outbox, at: Micros): void {
  const { touchedJobs } = state;
  for (const index of touchedJobs) {
    touchedJobs.delete(index); // A set grows while it is read: what is killed here comes up again.
    const job = state.jobs[index];
    if (job.launch === null || job.launch.ended !== null) continue;
    const ended = terminalState(job, job.launch);
    if (ended === null) continue;
    const error = ended === "SUCCEEDED" ? null : firstFailure(state, job.launch);
    out.record(state, { type: "job-ended", at, job: index, state: ended, error });
    const message = `${job.id} ended: ${ended}`;
    killOpenTasks(state, out, job, { message, at });
    if (ended === "SUCCEEDED" || endsChildren(job.launch)) endChildren(state, out, job, at);
  }
}

/** Whether the children of a job go with it when it does not succeed, or when it starts anew. */
function endsChildren({ spec, rows }: Launch): boolean {
  return spec.children === "AUTO" ? rows.length === 1 : spec.children === "TERMINATE";
}

function endChildren(state: ControllerState, out: Outbox, job: Job, at: Micros): void {
  for (const child of launchAt(state, job.index).children) {
    endTree(state, out, state.jobs[child], { message: `its parent ${job.id} ended`, at });
  }
}

/** Children of jobs of which a task starts anew go, unless they are to be kept. */
export function settleRestarts(state: ControllerState, out: Outbox, at: Micros): void {
  const { restartedJobs } = out;
  for (const index of restartedJobs) {
    restartedJobs.delete(index);
    const job = state.jobs[index];
    if (endsChildren(launchAt(state, index))) endChildren(state, out, job, at);
  }
}

const blameOrder = [
  taskStateCode.FAILED,
  taskStateCode.UNSCHEDULABLE,
  taskStateCode.WORKER_FAILED,
  taskStateCode.PREEMPTED,
  taskStateCode.KILLED,
  taskStateCode.COSCHED_FAILED,
];

/** The failure of the lowest task that ended by itself; of a victim only if there is no such. */
function firstFailure(state: ControllerState, launch: Launch): TaskFailure | null {
  for (const code of blameOrder) {
    const task = launch.rows.find((row) => state.tasks.state[row] === code);
    if (task !== undefined) return state.failures.get(task) ?? null;
  }
  return null;
}

/** Forgets jobs that ended long ago, were replaced, or are more than are kept; oldest first. */
export function pruneJobs(state: ControllerState, out: Outbox, bounds: PruneBounds): void {
  const over = state.jobs.filter((job) => !job.pruned && job.finishedAt > 0 && isQuiet(job));
  if (!over.some((job) => isDue(state, job, bounds)) && isWithin(over, bounds)) return;
  over.sort((a, b) => b.finishedAt - a.finishedAt || b.sequence - a.sequence);
  const pruned: number[] = [];
  let tasks = 0;
  for (const [position, job] of over.entries()) {
    tasks += taskCount(job);
    const isSurplus = position >= bounds.jobsMax || tasks > bounds.tasksMax;
    if (isSurplus || isDue(state, job, bounds)) pruned.push(job.index);
  }
  dropSpecs(state, out, pruned);
  out.record(state, { type: "jobs-pruned", at: state.at, jobs: Uint32Array.from(pruned) });
}

/** Whether its time is over, or another job has its name. */
function isDue(state: ControllerState, job: Job, { endedBefore }: PruneBounds): boolean {
  return job.finishedAt <= endedBefore || state.jobsById.get(job.id) !== job.index;
}

function isWithin(over: readonly Job[], { jobsMax, tasksMax }: PruneBounds): boolean {
  return over.length <= jobsMax && over.reduce((sum, job) => sum + taskCount(job), 0) <= tasksMax;
}

function taskCount({ launch }: Job): number {
  return launch?.rows.length ?? 0;
}

export interface PruneBounds {
  /** Microseconds. */
  readonly endedBefore: Micros;
  readonly jobsMax: number;
  readonly tasksMax: number;
}

function isQuiet({ launch, liveTasks }: Job): boolean {
  return launch === null ? liveTasks === 0 : launch.liveAttempts === 0;
}

function dropSpecs(state: ControllerState, out: Outbox, jobs: readonly number[]): void {
  for (const index of jobs) {
    const spec = state.jobs[index].launch?.specIndex;
    if (spec === undefined) continue;
    for (const worker of state.workers) {
      if (worker.knownSpecs.delete(spec))
        out.toWorker(state, worker.index, { type: "drop-spec", spec });
    }
  }
}
