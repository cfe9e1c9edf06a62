/**
 * The API's shapes of tasks, workers and jobs, read off the state. Nothing here changes anything.
 *
 * @module
 */

import type { Micros } from "../base/time.ts";
import { formatAttemptId } from "../model/ids.ts";
import { noResources, type Resources } from "../model/resources.ts";
import { attemptCauses, type JobState, taskStates, type WorkerState } from "../model/states.ts";
import { resourcesOf } from "../scheduler/dimensions.ts";
import { pendingReason } from "./explain.ts";
import { keyOf } from "./lookup.ts";
import { type ControllerState, type Job, taskIdOf, type Worker } from "./state.ts";
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
    name: state.specs[tasks.spec[task]].definition.name,
    index: tasks.index[task],
    state: taskStates[tasks.state[task]],
    workerId: row === noSlot ? null : state.workers[attempts.worker[row]].workerId,
    attempts: attemptViews(state, task, story),
    inputs,
    error: state.failures.get(task) ?? null,
    pendingReason: pendingReason(state, task),
  };
}

interface AttemptView {
  attemptId: string;
  workerId: string;
  incarnation: string;
  state: string;
  cause: string | null;
  exitCode: number | null;
  signal: string | null;
  oom: boolean;
  startedAt: string | null;
  endedAt: string | null;
  stderrTail: string;
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
  addFailure(state, task, [...views.values()]);
  addGrants(state, views);
  return [...views.values()];
}

function newAttemptView(state: ControllerState, entry: StoryEntry): AttemptView {
  const worker = state.workers[entry.worker];
  return {
    attemptId: formatAttemptId(entry.attempt),
    workerId: worker?.workerId ?? "",
    incarnation: worker?.incarnation ?? "",
    state: "ASSIGNED",
    cause: null,
    exitCode: null,
    signal: null,
    oom: false,
    startedAt: null,
    endedAt: null,
    stderrTail: "",
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

function addGrants(state: ControllerState, views: ReadonlyMap<number, AttemptView>): void {
  const { attempts } = state;
  for (const row of liveRowsOf(state, views)) {
    const view = views.get(attempts.id[row]);
    const grant = attempts.grants[row];
    if (view === undefined || grant === null || !attempts.isGranted(row)) continue;
    view.granted = resourcesOf(state.dimensions, grant);
  }
}

function liveRowsOf(state: ControllerState, views: ReadonlyMap<number, AttemptView>): number[] {
  const rows: number[] = [];
  if (views.size === 0) return rows;
  for (let row = 0; row < state.attempts.length; row++) {
    if (state.attempts.id[row] !== 0 && views.has(state.attempts.id[row])) rows.push(row);
  }
  return rows;
}

export function workerState(worker: Worker): WorkerState {
  if (worker.lost) return "LOST";
  if (worker.suspect || !worker.connected) return "SUSPECT";
  return "HEALTHY";
}

export function workerView(state: ControllerState, worker: Worker) {
  const { attempts } = state;
  const running: string[] = [];
  const jobs = new Set<string>();
  const stopping: string[] = [];
  for (const row of rowsOn(state, worker.index)) {
    const task = attempts.task[row];
    if (attempts.hasFlag(row, attemptFlag.stopping))
      stopping.push(formatAttemptId(attempts.id[row]));
    else if (attempts.isGranted(row)) running.push(taskIdOf(state, task));
    jobs.add(state.jobs[state.tasks.job[task]].id);
  }
  const free = worker.capacity.map((amount, index) => amount - worker.used[index]);
  return {
    workerId: worker.workerId,
    incarnation: worker.incarnation,
    address: worker.address,
    pid: worker.pid,
    state: workerState(worker),
    stateReason: worker.lost ? worker.lostReason : worker.connected ? "" : "not connected",
    lastHeartbeatAt: formatTime(worker.lastHeardAt),
    attributes: worker.attributes,
    slots: worker.slots,
    total: resourcesOf(state.dimensions, worker.capacity),
    committed: resourcesOf(state.dimensions, worker.used),
    held: noResources,
    available: worker.lost ? noResources : resourcesOf(state.dimensions, free),
    runningTaskIds: running,
    runningJobIds: [...jobs],
    stoppingAttemptIds: stopping,
    heldValueBytes: worker.heldValueBytes,
    rssBytes: worker.rssBytes,
  };
}

/** The state of a job, derived from the states of its tasks: first match wins. */
export function jobState(job: Job): JobState {
  const count = (name: (typeof taskStates)[number]) => job.stateCounts[taskStates.indexOf(name)];
  const total = job.stateCounts.reduce((sum, one) => sum + one, 0);
  const open = count("PENDING") + count("ASSIGNED") + count("BUILDING") + count("RUNNING");
  if (!job.sessionEnded || open > 0) {
    return job.startedAt > 0 || total > count("PENDING") ? "RUNNING" : "PENDING";
  }
  if (count("SUCCEEDED") === total) return "SUCCEEDED";
  if (count("FAILED") > 0) return "FAILED";
  if (count("UNSCHEDULABLE") > 0) return "UNSCHEDULABLE";
  if (count("KILLED") > 0) return "KILLED";
  return count("WORKER_FAILED") > 0 ? "WORKER_FAILED" : "FAILED";
}

export function jobView(job: Job) {
  const counts: { [state: string]: number } = {};
  for (const [code, name] of taskStates.entries()) {
    if (job.stateCounts[code] > 0) counts[name] = job.stateCounts[code];
  }
  return {
    jobId: job.id,
    user: job.user,
    state: jobState(job),
    error: null,
    band: "INTERACTIVE",
    replicas: job.stateCounts.reduce((sum, one) => sum + one, 0),
    taskStateCounts: counts,
    failureCount: counts.FAILED ?? 0,
    preemptionCount: counts.PREEMPTED ?? 0,
    failedTaskCount: counts.FAILED ?? 0,
    submittedAt: formatTime(job.submittedAt),
    startedAt: formatTime(job.startedAt),
    finishedAt: formatTime(job.finishedAt),
    pendingReason: null,
  };
}
