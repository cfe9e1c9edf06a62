/**
 * The API's shapes of tasks, workers and jobs, read off the state. Nothing here changes anything.
 *
 * @module
 */

import type { Micros } from "../base/time.ts";
import { counted, formatDuration, formatMemory } from "../model/format-quantities.ts";
import { formatAttemptId } from "../model/ids.ts";
import { noResources, type Resources } from "../model/resources.ts";
import { portsOf } from "../model/spec.ts";
import { attemptCauses, isTerminalCode, taskStates, type WorkerState } from "../model/states.ts";
import { resourcesOf } from "../scheduler/dimensions.ts";
import { callCounts, isActor, isCall } from "./call-lines.ts";
import { soleValuesOf } from "./copies.ts";
import { pendingReason } from "./explain.ts";
import { activeTasks, jobState } from "./job-state.ts";
import { keyOf } from "./lookup.ts";
import { progressOf } from "./progress.ts";
import { redactArgv, redactEnv } from "./redact.ts";
import { heldVector } from "./reservations.ts";
import { retryRefusal } from "./retry.ts";
import {
  type AttemptRecord,
  type ControllerState,
  type Job,
  jobOf,
  type Launch,
  specOf,
  taskIdOf,
  type Worker,
} from "./state.ts";
import type { StoryEntry } from "./story.ts";
import { attemptFlag } from "./tables/attempt-table.ts";
import { noSlot } from "./tables/task-table.ts";
import { rowsOn } from "./workers.ts";

/** Microseconds as RFC 3339, or null for 0. */
export function formatTime(at: Micros): string | null {
  if (at === 0) return null;
  const ms = Math.floor(at / 1000);
  const days = Math.floor(ms / 86_400_000);
  const { year, month, day } = civilFromDays(days);
  const rest = ms - days * 86_400_000;
  const pad = (value: number, width: number) => String(value).padStart(width, "0");
  const clock = [rest / 3_600_000, (rest / 60_000) % 60, (rest / 1000) % 60];
  const [hour, minute, second] = clock.map((part) => pad(Math.floor(part), 2));
  const date = `${pad(year, 4)}-${pad(month, 2)}-${pad(day, 2)}`;
  return `${date}T${hour}:${minute}:${second}.${pad(rest % 1000, 3)}Z`;
}

/** The proleptic Gregorian date of a day since 1970-01-01 (Howard Hinnant, "chrono-compatible"). */
function civilFromDays(days: number): { year: number; month: number; day: number } {
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  );
  const dayOfYear =
    dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1;
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9;
  return { year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day };
}

/** The Task of the API; `story` has what is remembered of its attempts. */
export function taskView(state: ControllerState, task: number, story: readonly StoryEntry[]) {
  const { tasks, attempts } = state;
  const taskId = taskIdOf(state, task);
  const row = tasks.attempt[task];
  const inputs: string[] = [];
  for (let position = 0; position < tasks.dependencyCount[task]; position++) {
    inputs.push(taskIdOf(state, tasks.dependency(task, position)));
  }
  return {
    taskId,
    jobId: state.jobs[tasks.job[task]].id,
    key: keyOf(state, task, taskId),
    name: specOf(state, task).name,
    index: tasks.index[task],
    state: taskStates[tasks.state[task]],
    workerId: row === noSlot ? null : state.workers[attempts.worker[row]].workerId,
    attempts:
      jobOf(state, task).launch === null
        ? attemptViews(state, task, story)
        : attemptsOfJobTask(state, task),
    inputs,
    error: state.failures.get(task) ?? null,
    pendingReason: pendingReason(state, task),
    progress: progressView(state, task),
    retryRefusal: retryRefusal(state, task)?.message ?? null,
    ...partView(state, task),
  };
}

/** What it is to an actor, and what an actor that has not ended is asked to do. */
function partView(state: ControllerState, task: number) {
  if (isCall(state, task)) return { part: "CALL", calls: null };
  if (!isActor(state, task)) return { part: null, calls: null };
  if (isTerminalCode(state.tasks.state[task])) return { part: "ACTOR", calls: null };
  const { waitingCount, underwayCount } = callCounts(state, task);
  return { part: "ACTOR", calls: { waitingCount, underwayCount } };
}

function progressView(state: ControllerState, task: number) {
  const progress = progressOf(state, task);
  if (progress === null) return null;
  const { fraction, note, at } = progress;
  return { fraction, note, at: formatTime(at) };
}

/** What a launched job remembers of its attempts, and those that live. */
function attemptsOfJobTask(state: ControllerState, task: number): AttemptView[] {
  const ended = (state.histories.get(task) ?? []).map(recordView);
  return [...ended, ...liveRowsOf(state, task).map((row) => liveView(state, row))];
}

function recordView(record: AttemptRecord): AttemptView {
  const { id, workerId, incarnation, cause, granted, usage } = record;
  return {
    attemptId: formatAttemptId(id),
    workerId,
    incarnation,
    state: "ENDED",
    cause,
    exitCode: usage?.exitCode ?? null,
    signal: usage?.signal ?? null,
    oom: usage?.oom ?? false,
    assignedAt: formatTime(record.assignedAt),
    startedAt: formatTime(record.startedAt),
    endedAt: formatTime(record.endedAt),
    stderrTail: usage?.stderrTail ?? "",
    peakRssBytes: usage?.peakRssBytes ?? 0,
    cpuMs: usage?.cpuMs ?? 0,
    granted,
  };
}

function liveView(state: ControllerState, row: number): AttemptView {
  const { attempts } = state;
  const worker = state.workers[attempts.worker[row]];
  const granted = attempts.isGranted(row)
    ? resourcesOf(state.dimensions, attempts.grantOf(row))
    : noResources;
  const devices = state.deviceGrants.get(row) ?? granted.devices;
  return {
    attemptId: formatAttemptId(attempts.id[row]),
    workerId: worker.workerId,
    incarnation: worker.incarnation,
    ...noUsage,
    state: liveState(state, row),
    assignedAt: formatTime(attempts.assignedAt[row]),
    startedAt: formatTime(attempts.startedAt[row]),
    granted: { ...granted, devices },
  };
}

function liveState(state: ControllerState, row: number): string {
  const { attempts } = state;
  if (attempts.hasFlag(row, attemptFlag.stopping)) return "STOPPING";
  if (attempts.hasFlag(row, attemptFlag.started)) return "RUNNING";
  return attempts.hasFlag(row, attemptFlag.building) ? "BUILDING" : "ASSIGNED";
}

const noUsage = {
  cause: null,
  exitCode: null,
  signal: null,
  oom: false,
  endedAt: null,
  stderrTail: "",
  peakRssBytes: 0,
  cpuMs: 0,
} as const;

interface AttemptView {
  attemptId: string;
  workerId: string;
  incarnation: string;
  state: string;
  cause: string | null;
  exitCode: number | null;
  signal: string | null;
  oom: boolean;
  assignedAt: string | null;
  startedAt: string | null;
  endedAt: string | null;
  stderrTail: string;
  peakRssBytes: number;
  cpuMs: number;
  granted: Resources;
}

function attemptViews(
  state: ControllerState,
  task: number,
  story: readonly StoryEntry[],
): AttemptView[] {
  const views = new Map<number, AttemptView>();
  for (const entry of story) {
    if (entry.attempt === 0) continue;
    let view = views.get(entry.attempt);
    if (view === undefined) {
      view = newAttemptView(state, entry);
      views.set(entry.attempt, view);
    }
    if (entry.kind === "started")
      Object.assign(view, { state: "RUNNING", startedAt: formatTime(entry.at) });
    if (entry.kind === "stop-ordered") view.state = "STOPPING";
    if (entry.kind === "ended" || entry.kind === "superseded") {
      view.state = "ENDED";
      view.cause = entry.kind === "ended" ? attemptCauses[entry.detail] : "superseded";
      view.endedAt = formatTime(entry.at);
    }
  }
  // A controller that was restarted has no story of what lives, but its row.
  for (const row of liveRowsOf(state, task))
    views.set(state.attempts.id[row], liveView(state, row));
  const inOrder = [...views].sort(([a], [b]) => a - b).map(([, view]) => view);
  addFailure(state, task, inOrder);
  return inOrder;
}

function newAttemptView(state: ControllerState, entry: StoryEntry): AttemptView {
  const worker = state.workers[entry.worker];
  return {
    attemptId: formatAttemptId(entry.attempt),
    workerId: worker.workerId,
    incarnation: worker.incarnation,
    ...noUsage,
    state: "ASSIGNED",
    assignedAt: formatTime(entry.at),
    startedAt: null,
    granted: noResources,
  };
}

/** The last attempt of a task that failed by itself carries what its worker told. */
function addFailure(state: ControllerState, task: number, views: readonly AttemptView[]): void {
  const failure = state.failures.get(task);
  const last = views.at(-1);
  if (failure?.failure == null || failure.blame !== taskIdOf(state, task) || last === undefined)
    return;
  const { exitCode, signal, oom, stderrTail } = failure.failure;
  Object.assign(last, { exitCode, signal, oom, stderrTail });
}

/** The attempt that stops, and the one that the task counts on. */
function liveRowsOf({ tasks, strayOfTask }: ControllerState, task: number): number[] {
  const rows = [strayOfTask.get(task) ?? noSlot, tasks.attempt[task]];
  return rows.filter((row) => row !== noSlot);
}

export function workerState(worker: Worker): WorkerState {
  if (worker.lost) return "LOST";
  if (worker.suspect || !worker.connected) return "SUSPECT";
  if (worker.trouble !== "") return "UNUSABLE";
  if (worker.draining) return "DRAINING";
  return worker.cordoned ? "CORDONED" : "HEALTHY";
}

/** Why a worker is in its state, in short; "" for a healthy one. */
export function stateReason(worker: Worker): string {
  if (worker.lost) return worker.lostReason;
  if (!worker.connected) return "not connected";
  if (worker.suspect) return "not heard for some seconds";
  if (worker.trouble !== "") return worker.trouble;
  if (!worker.draining) return worker.cordoned ? "cordoned by an administrator" : "";
  const count = worker.liveAttempts;
  return count === 0 ? "drained" : `draining: ${notEndedText(count)}`;
}

/** What a worker that leaves waits for. */
function leaveReason(state: ControllerState, worker: Worker): string {
  const { count, bytes, waiting } = soleValuesOf(state, worker);
  if (count === 0) return worker.trouble;
  const bound = formatDuration(Math.max(0, worker.leavesBy - state.at) / 1000);
  const nobody = waiting === 0 ? "" : `, and no worker can take ${waiting} of them`;
  const text = `${valuesText(count, bytes)} ${isOrAre(count)} nowhere else${nobody}`;
  return `${worker.trouble}: ${text}; it waits at most ${bound}`;
}

/** How far a drain is: what it waits for, or what it did not wait for any longer. */
function drainReason(state: ControllerState, worker: Worker): string {
  const { count, bytes, waiting } = soleValuesOf(state, worker);
  const { liveAttempts, givenUp } = worker;
  const parts: string[] = [];
  if (liveAttempts > 0) parts.push(notEndedText(liveAttempts));
  if (count > 0) {
    const nobody = waiting === 0 ? "" : `, and no worker can take ${waiting} of them`;
    parts.push(`${valuesText(count, bytes)} ${isOrAre(count)} nowhere else${nobody}`);
  }
  if (parts.length > 0) return `draining: ${parts.join("; ")}`;
  if (givenUp === null || givenUp.values === 0) return "drained";
  const were = givenUp.values === 1 ? "was" : "were";
  return `drained, but ${valuesText(givenUp.values, givenUp.bytes)} ${were} not copied in time`;
}

function notEndedText(attemptCount: number): string {
  return `${counted(attemptCount, "attempt")} ${attemptCount === 1 ? "has" : "have"} not ended`;
}

function valuesText(count: number, bytes: number): string {
  return `${counted(count, "value")} (${formatMemory(bytes)})`;
}

function isOrAre(count: number): string {
  return count === 1 ? "is" : "are";
}

function reasonOf(state: ControllerState, worker: Worker, stateName: string): string {
  if (stateName === "DRAINING") return drainReason(state, worker);
  return worker.leavesBy > 0 ? leaveReason(state, worker) : stateReason(worker);
}

export function workerView(
  state: ControllerState,
  worker: Worker,
  rows: readonly number[] = rowsOn(state, worker.index),
) {
  const { attempts } = state;
  const running: string[] = [];
  const jobs = new Set<string>();
  const stopping: string[] = [];
  for (const row of rows) {
    const task = attempts.task[row];
    if (attempts.hasFlag(row, attemptFlag.stopping))
      stopping.push(formatAttemptId(attempts.id[row]));
    else if (attempts.isGranted(row)) running.push(taskIdOf(state, task));
    jobs.add(state.jobs[state.tasks.job[task]].id);
  }
  const stateName = workerState(worker);
  const held = heldVector(state, worker);
  const free = worker.capacity.map((amount, index) => amount - worker.used[index] - held[index]);
  return {
    workerId: worker.workerId,
    incarnation: worker.incarnation,
    address: worker.address,
    pid: worker.pid,
    state: stateName,
    stateReason: reasonOf(state, worker, stateName),
    lastHeartbeatAt: formatTime(worker.lastHeardAt),
    attributes: worker.attributes,
    slots: worker.slots,
    commandSlots: worker.commandSlots,
    total: resourcesOf(state.dimensions, worker.capacity),
    committed: resourcesOf(state.dimensions, worker.used),
    held: resourcesOf(state.dimensions, held),
    available: worker.lost ? noResources : resourcesOf(state.dimensions, free),
    runningTaskIds: running,
    runningJobIds: [...jobs],
    stoppingAttemptIds: stopping,
    heldValueBytes: worker.heldValueBytes,
    ...worker.memory,
    // As it was at the last heartbeat: what is known to be gone since is on no disk.
    spilledBytes: Math.min(worker.memory.spilledBytes, worker.heldValueBytes),
  };
}

export function jobView(state: ControllerState, job: Job) {
  const counts: { [state: string]: number } = {};
  for (const [code, name] of taskStates.entries()) {
    if (job.stateCounts[code] > 0) counts[name] = job.stateCounts[code];
  }
  const { launch } = job;
  return {
    jobId: job.id,
    user: job.user,
    state: jobState(job),
    error: launch?.error ?? null,
    band: (launch?.spec.task.band ?? "interactive").toUpperCase(),
    replicas: launch?.rows.length ?? job.stateCounts.reduce((sum, one) => sum + one, 0),
    taskStateCounts: counts,
    failureCount: launch === null ? (counts.FAILED ?? 0) : failuresOf(launch, counts),
    preemptionCount: launch?.preemptionCount ?? 0,
    failedTaskCount: counts.FAILED ?? 0,
    submittedAt: formatTime(job.submittedAt),
    startedAt: formatTime(job.startedAt),
    finishedAt: formatTime(job.finishedAt),
    pendingReason: jobPendingReason(state, job),
    parentJobId: launch === null || launch.parent < 0 ? null : state.jobs[launch.parent].id,
    childJobIds: [...(launch?.children ?? [])].map((index) => state.jobs[index].id),
    stoppingAttempts: launch === null ? 0 : launch.liveAttempts - activeTasks(job),
    spec: launch === null ? null : specView(launch),
  };
}

/** Attempts that failed by themselves: those that were tried again, and the last of each task. */
function failuresOf(launch: Launch, counts: { readonly [state: string]: number }): number {
  return launch.failureCount + (counts.FAILED ?? 0);
}

/** Why the job has not started; null when it has, or has ended. */
function jobPendingReason(state: ControllerState, job: Job): string | null {
  if (job.launch === null || jobState(job) !== "PENDING") return null;
  return pendingReason(state, job.launch.rows[0]);
}

/** What was asked for, without secrets. */
function specView({ spec }: Launch) {
  const { task } = spec;
  const { run } = task;
  return {
    command:
      run.kind === "command"
        ? { argv: redactArgv(run.argv), env: redactEnv(run.env), cwd: run.cwd }
        : null,
    function: run.kind === "function" ? run.functionName : null,
    replicas: spec.replicas,
    resources: task.resources,
    coscheduling: { groupBy: task.groupBy },
    constraints: task.constraints,
    band: task.band.toUpperCase(),
    priority: task.priority,
    timeoutMs: task.timeoutMs,
    schedulingTimeoutMs: task.schedulingTimeoutMs,
    graceMs: task.graceMs,
    maxRetriesFailure: task.maxRetriesFailure,
    maxRetriesPreemption: task.maxRetriesPreemption,
    maxTaskFailures: spec.maxTaskFailures,
    retryBackoff: task.retryBackoff,
    retryExitCodes: task.retryExitCodes,
    noRetryExitCodes: task.noRetryExitCodes,
    ports: portsOf(run),
    workspace: run.kind === "command" ? run.workspace : "",
    children: spec.children,
  };
}
