/**
 * The API's read methods over the kernel's state. Pure: they change nothing.
 *
 * @module
 */

import { CapstanError } from "../model/errors.ts";
import { formatAttemptId } from "../model/ids.ts";
import type { Principal } from "../model/job.ts";
import { attemptCauses, taskStates } from "../model/states.ts";
import { doctorReport } from "./doctor.ts";
import { userOfAttempt } from "./endpoints.ts";
import { explain } from "./explain.ts";
import { graphView } from "./graph-view.ts";
import { listJobs } from "./job-list.ts";
import { jobResults } from "./job-results.ts";
import { findJob } from "./jobs.ts";
import { pageSizeMax } from "./limits.ts";
import { logSources } from "./log-sources.ts";
import { absoluteId, findTask } from "./lookup.ts";
import { overview } from "./overview.ts";
import { requireOwnId } from "./own-reads.ts";
import { queueView } from "./queue-view.ts";
import { finish, type Scan } from "./scan.ts";
import { schedulerState, usageByUser } from "./scheduler-view.ts";
import { type Orders, orderNamed, Selection } from "./selection.ts";
import { listLocks, listPublished } from "./shared-view.ts";
import { stackTarget } from "./stack-target.ts";
import { type ControllerState, taskIdOf } from "./state.ts";
import type { ClusterEvent, StoryEntry } from "./story.ts";
import { taskGrid } from "./task-grid.ts";
import { listTasks } from "./task-list.ts";
import { taskStream } from "./task-stream.ts";
import { listEndpoints, listTokens, listUsers, whoAmI } from "./users-view.ts";
import { formatTime, jobView, taskView, workerView } from "./views.ts";
import { listWorkers } from "./worker-list.ts";

type Request = { readonly [field: string]: unknown };
type Answer = (state: ControllerState, request: Request, principal: Principal) => unknown;
type InSteps = (state: ControllerState, request: Request, principal: Principal) => Scan<unknown>;

interface Method {
  readonly fields: readonly string[];
  readonly answer?: Answer;
  /** Instead: for what looks at all tasks. */
  readonly steps?: InSteps;
}

const pageFields = ["pageSize", "pageToken"];
const listFields = [...pageFields, "filter", "orderBy"];

const methods: { readonly [name: string]: Method } = {
  ListWorkers: { fields: listFields, answer: listWorkers },
  GetWorkerStatus: { fields: ["workerId"], answer: getWorkerStatus },
  ListTasks: {
    fields: ["jobId", "states", "unfinished", ...listFields],
    steps: listTasks,
  },
  GetTaskStatus: {
    fields: ["taskId"],
    answer: (state, request) => {
      const task = findTask(state, stringField(request, "taskId"));
      return { task: taskView(state, task, state.story.ofTask(state.tasks.ref(task))) };
    },
  },
  ListJobs: { fields: listFields, steps: listJobs },
  GetJobStatus: { fields: ["jobId"], answer: getJobStatus },
  GetJobResults: { fields: ["jobId", ...pageFields], answer: jobResults },
  Explain: {
    fields: ["id"],
    answer: (state, request) => explain(state, stringField(request, "id")),
  },
  GetStory: { fields: ["id"], answer: getStory },
  ListEvents: { fields: ["after", ...listFields], answer: listEvents },
  GetDoctorReport: { fields: [], steps: doctorReport },
  GetTaskCredentials: { fields: ["attemptId"], answer: userOfAttempt },
  GetSchedulerState: { fields: [], answer: schedulerState },
  GetOverview: { fields: [], steps: overview },
  GetQueue: { fields: pageFields, steps: queueView },
  GetTaskGrid: { fields: ["jobId", "fromIndex", "cellsMax"], steps: taskGrid },
  GetGraph: { fields: ["jobId", "around", "depth", "nodesMax"], steps: graphView },
  GetTaskStream: {
    fields: ["last", "fromAt", "toAt", "workerIds", "runsMax"],
    answer: taskStream,
  },
  ListUsers: {
    fields: listFields,
    answer: (state, request) => listUsers(state, request, usageByUser(state)),
  },
  ListTokens: { fields: listFields, answer: listTokens },
  ListEndpoints: { fields: [...listFields, "name", "prefix"], answer: listEndpoints },
  ListPublishedValues: { fields: [...pageFields, "user"], answer: listPublished },
  ListLocks: { fields: [...pageFields, "user"], answer: listLocks },
  WhoAmI: { fields: [], answer: (_state, _request, principal) => whoAmI(principal) },
  // For FetchLogs and GetTaskStack, which the shell answers.
  StackTarget: {
    fields: ["taskId"],
    answer: (state, request) => stackTarget(state, stringField(request, "taskId")),
  },
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
  return finish(answerInSteps(state, method, request, principal));
}

/** The same in steps, between which the state may go on: what looks at all tasks takes several. */
export function* answerInSteps(
  state: ControllerState,
  method: string,
  request: unknown,
  principal: Principal,
): Scan<unknown> {
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
  const full = withFullIds(state, fields as Request, principal);
  if (known.steps !== undefined) return yield* known.steps(state, full, principal);
  return known.answer?.(state, full, principal);
}

const idFields = ["jobId", "taskId", "id", "around"];

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

function getWorkerStatus(state: ControllerState, request: Request) {
  const workerId = stringField(request, "workerId");
  const index = state.workersById.get(workerId);
  if (index === undefined) throw new CapstanError("NOT_FOUND", `no worker ${workerId}`);
  return { worker: workerView(state, state.workers[index]) };
}

function getJobStatus(state: ControllerState, request: Request, principal: Principal) {
  const job = findJob(state, stringField(request, "jobId"));
  const { tasks } = finish(listTasks(state, { jobId: job.id, pageSize: pageSizeMax }, principal));
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
  "asked to run later, not charged",
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

/** `filter` of ListEvents: all that is given must hold. */
interface EventFilter {
  readonly type?: string;
  /** A part of the id of what it happened to. */
  readonly id?: string;
}

const eventOrders: Orders<ClusterEvent> = { sequence: ({ sequence }) => sequence };

function listEvents(state: ControllerState, request: Request) {
  const { after = 0 } = request;
  if (typeof after !== "number" || !Number.isSafeInteger(after) || after < 0) {
    throw new CapstanError("INVALID_ARGUMENT", "after: expected the sequence of an event, or 0");
  }
  const { type = "", id = "" } = (request.filter ?? {}) as EventFilter;
  const { keyOf, direction } = orderNamed(eventOrders, request.orderBy ?? "sequence");
  const selection = new Selection<ClusterEvent>(request, direction);
  for (const event of state.story.events) {
    const matches = (type === "" || event.type === type) && event.id.includes(id);
    if (event.sequence > after && matches) selection.offer(event, keyOf(event), event.sequence);
  }
  const { page, nextPageToken } = selection.page();
  const events = page.map(({ journaled, ...event }) => ({
    ...event,
    at: formatTime(event.at) ?? "",
    journalSequence: Number.isNaN(journaled) ? null : journaled,
  }));
  return { events, totalCount: selection.count, nextPageToken };
}
