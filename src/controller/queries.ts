/**
 * The API's read methods over the kernel's state. Pure: they change nothing.
 *
 * @module
 */

import { CapstanError } from "../model/errors.ts";
import { formatAttemptId } from "../model/ids.ts";
import type { Principal } from "../model/job.ts";
import { attemptCauses, isTerminalCode, taskStates } from "../model/states.ts";
import { doctorReport } from "./doctor.ts";
import { explain } from "./explain.ts";
import { matchingJobs } from "./job-list.ts";
import { findJob } from "./jobs.ts";
import { pageSizeMax } from "./limits.ts";
import { logSources } from "./log-sources.ts";
import { absoluteId, findTask } from "./lookup.ts";
import { requireOwnId, seesOwnOnly } from "./own-reads.ts";
import { paged } from "./pages.ts";
import { schedulerState, userUsage } from "./scheduler-view.ts";
import { type ControllerState, type Job, jobOf, orderOf, taskIdOf } from "./state.ts";
import type { StoryEntry } from "./story.ts";
import { listEndpoints, listTokens, listUsers, whoAmI } from "./users-view.ts";
import { formatTime, jobView, taskView, workerView } from "./views.ts";
import { rowsByWorker } from "./workers.ts";

type Request = { readonly [field: string]: unknown };
type Method = (state: ControllerState, request: Request, principal: Principal) => unknown;

const methods: { readonly [name: string]: { readonly fields: readonly string[]; answer: Method } } =
  {
    ListWorkers: { fields: ["pageSize", "pageToken"], answer: listWorkers },
    GetWorkerStatus: { fields: ["workerId"], answer: getWorkerStatus },
    ListTasks: {
      fields: ["jobId", "states", "unfinished", "pageSize", "pageToken"],
      answer: listTasks,
    },
    GetTaskStatus: {
      fields: ["taskId"],
      answer: (state, request) => {
        const task = findTask(state, stringField(request, "taskId"));
        return { task: taskView(state, task, state.story.ofTask(state.tasks.ref(task))) };
      },
    },
    ListJobs: { fields: ["pageSize", "pageToken", "filter", "orderBy"], answer: listJobs },
    GetJobStatus: { fields: ["jobId"], answer: getJobStatus },
    Explain: {
      fields: ["id"],
      answer: (state, request) => explain(state, stringField(request, "id")),
    },
    GetStory: { fields: ["id"], answer: getStory },
    ListEvents: { fields: ["after", "pageSize", "pageToken"], answer: listEvents },
    GetDoctorReport: { fields: [], answer: doctorReport },
    GetSchedulerState: { fields: [], answer: schedulerState },
    ListUsers: {
      fields: ["pageSize", "pageToken"],
      answer: (state, request) => listUsers(state, request, (user) => userUsage(state, user)),
    },
    ListTokens: { fields: ["pageSize", "pageToken"], answer: listTokens },
    ListEndpoints: { fields: ["pageSize", "pageToken", "name", "prefix"], answer: listEndpoints },
    WhoAmI: { fields: [], answer: (_state, _request, principal) => whoAmI(principal) },
    // For FetchLogs, which the shell answers.
    LogSources: { fields: ["jobId", "taskId", "attemptId"], answer: logSources },
  };

/** The methods that `answerCall` knows. */
export const queryMethods: readonly string[] = Object.keys(methods);

/** Answers one API call. Throws CapstanError for an unknown method, field or id. */
export function answerCall(
  state: ControllerState,
  method: string,
  request: unknown,
  principal: Principal = nobody,
): unknown {
  const known = Object.hasOwn(methods, method) ? methods[method] : undefined;
  if (known === undefined) {
    throw new CapstanError("NOT_FOUND", `no method ${method}; known: ${queryMethods.join(", ")}`);
  }
  const fields = request ?? {};
  if (typeof fields !== "object" || Array.isArray(fields)) {
    throw new CapstanError("INVALID_ARGUMENT", `${method}: the request must be a JSON object`);
  }
  for (const field of Object.keys(fields)) {
    if (known.fields.includes(field)) continue;
    const names = known.fields.length === 0 ? "it takes none" : known.fields.join(", ");
    throw new CapstanError(
      "INVALID_ARGUMENT",
      `${method}: unknown field ${field}; known: ${names}`,
    );
  }
  return known.answer(state, withFullIds(state, fields as Request, principal), principal);
}

const idFields = ["jobId", "taskId", "id"];

/** People may leave out the user of a job or task. Throws FORBIDDEN for what is not to be seen. */
function withFullIds(state: ControllerState, request: Request, principal: Principal): Request {
  const full: { [field: string]: unknown } = { ...request };
  for (const field of idFields) {
    const id = full[field];
    if (typeof id !== "string") continue;
    const fullId = absoluteId(state, id, principal.user);
    requireOwnId(state, principal, fullId);
    full[field] = fullId;
  }
  return full;
}

const nobody: Principal = { user: "", role: "viewer", jobId: "" };

function stringField(request: Request, field: string): string {
  const value = request[field];
  if (typeof value === "string" && value !== "") return value;
  throw new CapstanError("INVALID_ARGUMENT", `${field}: expected a non-empty string`);
}

function listWorkers(state: ControllerState, request: Request) {
  const { page, nextPageToken } = paged(state.workers, request);
  const rows = rowsByWorker(state);
  const workers = page.map((worker) => workerView(state, worker, rows.get(worker.index) ?? []));
  return { workers, controllerEpoch: state.epoch, nextPageToken };
}

function getWorkerStatus(state: ControllerState, request: Request) {
  const workerId = stringField(request, "workerId");
  const index = state.workersById.get(workerId);
  if (index === undefined) throw new CapstanError("NOT_FOUND", `no worker ${workerId}`);
  return { worker: workerView(state, state.workers[index]) };
}

function listTasks(state: ControllerState, request: Request, principal: Principal) {
  const rows = matchingTasks(state, request).filter((task) => isVisible(state, task, principal));
  const { page, nextPageToken } = paged(rows, request);
  const stories = state.story.ofTasks(new Set(page.map((task) => state.tasks.ref(task))));
  const tasks = page.map((task) => taskView(state, task, stories.get(state.tasks.ref(task)) ?? []));
  return { tasks, totalCount: rows.length, nextPageToken };
}

function isVisible(state: ControllerState, task: number, principal: Principal): boolean {
  return !seesOwnOnly(principal) || jobOf(state, task).user === principal.user;
}

function matchingTasks(state: ControllerState, request: Request): number[] {
  const { tasks } = state;
  const { unfinished = false, states = [], jobId = "" } = request;
  if (typeof unfinished !== "boolean") {
    throw new CapstanError("INVALID_ARGUMENT", "unfinished: expected true or false");
  }
  const codes = stateCodes(states);
  const job = jobId === "" ? null : findJob(state, String(jobId));
  const rows: number[] = [];
  const among = job?.launch?.rows ?? state.tasks.rows();
  for (const task of among) {
    if (job !== null && tasks.job[task] !== job.index) continue;
    if (unfinished && isTerminalCode(tasks.state[task])) continue;
    if (codes.size > 0 && !codes.has(tasks.state[task])) continue;
    rows.push(task);
  }
  return rows.sort((a, b) => orderOf(state, a) - orderOf(state, b));
}

function stateCodes(states: unknown): Set<number> {
  if (!Array.isArray(states)) {
    throw new CapstanError("INVALID_ARGUMENT", "states: expected an array of task states");
  }
  return new Set(
    states.map((name: unknown) => {
      const code = (taskStates as readonly unknown[]).indexOf(name);
      if (code >= 0) return code;
      throw new CapstanError(
        "INVALID_ARGUMENT",
        `states: ${JSON.stringify(name)} is no task state; known: ${taskStates.join(", ")}`,
      );
    }),
  );
}

function listJobs(state: ControllerState, request: Request, principal: Principal) {
  const own = (job: Job) => !seesOwnOnly(principal) || job.user === principal.user;
  const jobs = matchingJobs(state, request).filter(own);
  const { page, nextPageToken } = paged(jobs, request);
  return { jobs: page.map((job) => jobView(state, job)), totalCount: jobs.length, nextPageToken };
}

function getJobStatus(state: ControllerState, request: Request, principal: Principal) {
  const job = findJob(state, stringField(request, "jobId"));
  const { tasks } = listTasks(state, { jobId: job.id, pageSize: pageSizeMax }, principal);
  return { job: jobView(state, job), tasks };
}

function getStory(state: ControllerState, request: Request) {
  const task = findTask(state, stringField(request, "id"));
  const entries = state.story.ofTask(state.tasks.ref(task));
  return {
    id: taskIdOf(state, task),
    events: entries.map((entry) => storyEvent(state, entry)),
  };
}

function storyEvent(state: ControllerState, entry: StoryEntry) {
  const attemptId = entry.attempt === 0 ? null : formatAttemptId(entry.attempt);
  const workerId = state.workers[entry.worker]?.workerId ?? null;
  const where = workerId === null ? "" : ` on ${workerId}`;
  const which = attemptId === null ? "" : ` attempt ${attemptId}`;
  const detail = detailOf(entry);
  return {
    at: formatTime(entry.at) ?? "",
    type: entry.kind,
    attemptId,
    workerId,
    detail,
    message: `${entry.kind}${which}${where}${detail === null ? "" : `: ${detail}`}`,
  };
}

const charges = [
  "not charged",
  "charged as a failure",
  "charged as a worker loss",
  "a suspect of its worker's death, not charged",
  "waited where a worker died, not charged",
];

function detailOf(entry: StoryEntry): string | null {
  switch (entry.kind) {
    case "ended":
      return attemptCauses[entry.detail];
    case "failed":
      return taskStates[entry.detail];
    case "requeued":
      return charges[entry.detail];
    case "stop-ordered":
      return attemptCauses[entry.detail] === "stopped" ? null : attemptCauses[entry.detail];
    default:
      return null;
  }
}

function listEvents(state: ControllerState, request: Request) {
  const { after = 0 } = request;
  if (typeof after !== "number" || !Number.isSafeInteger(after) || after < 0) {
    throw new CapstanError("INVALID_ARGUMENT", "after: expected the sequence of an event, or 0");
  }
  const newer = state.story.events.filter((event) => event.sequence > after);
  const { page, nextPageToken } = paged(newer, request);
  const events = page.map((event) => ({ ...event, at: formatTime(event.at) ?? "" }));
  return { events, nextPageToken };
}
