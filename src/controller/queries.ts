/**
 * The API's read methods over the kernel's state. Pure: they change nothing.
 *
 * @module
 */

import { CapstanError } from "../model/errors.ts";
import { formatAttemptId } from "../model/ids.ts";
import { attemptCauses, isTerminalCode, taskStates } from "../model/states.ts";
import { doctorReport } from "./doctor.ts";
import { explainTask } from "./explain.ts";
import { pageSizeMax } from "./limits.ts";
import { findTask } from "./lookup.ts";
import { type ControllerState, taskIdOf } from "./state.ts";
import type { StoryEntry } from "./story.ts";
import { noSlot } from "./tables/task-table.ts";
import { formatTime, jobView, taskView, workerView } from "./views.ts";

type Request = { readonly [field: string]: unknown };
type Method = (state: ControllerState, request: Request) => unknown;

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
    ListJobs: { fields: ["pageSize", "pageToken"], answer: listJobs },
    GetJobStatus: { fields: ["jobId"], answer: getJobStatus },
    Explain: {
      fields: ["id"],
      answer: (state, request) => explainTask(state, findTask(state, stringField(request, "id"))),
    },
    GetStory: { fields: ["id"], answer: getStory },
    ListEvents: { fields: ["after", "pageSize", "pageToken"], answer: listEvents },
    GetDoctorReport: { fields: [], answer: doctorReport },
  };

/** The methods that `answerCall` knows. */
export const queryMethods: readonly string[] = Object.keys(methods);

/** Answers one API call. Throws CapstanError for an unknown method, field or id. */
export function answerCall(state: ControllerState, method: string, request: unknown): unknown {
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
  return known.answer(state, fields as Request);
}

function stringField(request: Request, field: string): string {
  const value = request[field];
  if (typeof value === "string" && value !== "") return value;
  throw new CapstanError("INVALID_ARGUMENT", `${field}: expected a non-empty string`);
}

/** Where a page begins and how long it is; the token is the next index. */
function pageOf(request: Request): { start: number; size: number } {
  const size = request.pageSize ?? 50;
  const token = request.pageToken ?? "";
  if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 1 || size > pageSizeMax) {
    throw new CapstanError(
      "INVALID_ARGUMENT",
      `pageSize: expected a whole number from 1 to ${pageSizeMax}`,
    );
  }
  if (typeof token !== "string" || !/^\d*$/.test(token)) {
    throw new CapstanError(
      "INVALID_ARGUMENT",
      "pageToken: expected the nextPageToken of a page before",
    );
  }
  return { start: Number(token), size };
}

function paged<T>(items: readonly T[], request: Request): { page: T[]; nextPageToken: string } {
  const { start, size } = pageOf(request);
  const end = start + size;
  return {
    page: items.slice(start, end),
    nextPageToken: end < items.length ? String(end) : "",
  };
}

function listWorkers(state: ControllerState, request: Request) {
  const { page, nextPageToken } = paged(state.workers, request);
  const workers = page.map((worker) => workerView(state, worker));
  return { workers, controllerEpoch: state.epoch, nextPageToken };
}

function getWorkerStatus(state: ControllerState, request: Request) {
  const workerId = stringField(request, "workerId");
  const index = state.workersById.get(workerId);
  if (index === undefined) throw new CapstanError("NOT_FOUND", `no worker ${workerId}`);
  return { worker: workerView(state, state.workers[index]) };
}

function listTasks(state: ControllerState, request: Request) {
  const rows = matchingTasks(state, request);
  const { page, nextPageToken } = paged(rows, request);
  const stories = state.story.ofTasks(new Set(page.map((task) => state.tasks.ref(task))));
  const tasks = page.map((task) => taskView(state, task, stories.get(state.tasks.ref(task)) ?? []));
  return { tasks, totalCount: rows.length, nextPageToken };
}

function matchingTasks(state: ControllerState, request: Request): number[] {
  const { tasks } = state;
  const { unfinished = false, states = [], jobId = "" } = request;
  if (typeof unfinished !== "boolean") {
    throw new CapstanError("INVALID_ARGUMENT", "unfinished: expected true or false");
  }
  const codes = stateCodes(states);
  const job = jobId === "" ? -1 : jobIndex(state, jobId);
  const rows: number[] = [];
  for (let task = 0; task < tasks.length; task++) {
    if (tasks.job[task] === noSlot) continue;
    if (job >= 0 && tasks.job[task] !== job) continue;
    if (unfinished && isTerminalCode(tasks.state[task])) continue;
    if (codes.size > 0 && !codes.has(tasks.state[task])) continue;
    rows.push(task);
  }
  return rows.sort((a, b) => tasks.order[a] - tasks.order[b]);
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

function jobIndex(state: ControllerState, jobId: unknown): number {
  const job = state.jobs.find((one) => one.id === jobId);
  if (job === undefined) throw new CapstanError("NOT_FOUND", `no job ${JSON.stringify(jobId)}`);
  return job.index;
}

function listJobs(state: ControllerState, request: Request) {
  const { page, nextPageToken } = paged(state.jobs, request);
  return { jobs: page.map(jobView), totalCount: state.jobs.length, nextPageToken };
}

function getJobStatus(state: ControllerState, request: Request) {
  const job = state.jobs[jobIndex(state, stringField(request, "jobId"))];
  const { tasks } = listTasks(state, { jobId: job.id });
  return { job: jobView(job), tasks };
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
