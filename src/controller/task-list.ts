/**
 * Which tasks a list shows, and in which order.
 *
 * @module
 */

import { CapstanError } from "../model/errors.ts";
import type { Principal } from "../model/job.ts";
import { isTerminalCode, taskStates } from "../model/states.ts";
import { findJob } from "./jobs.ts";
import { seesOwnOnly } from "./own-reads.ts";
import type { ListRequest } from "./pages.ts";
import { eachInSteps, endsStep, type Scan } from "./scan.ts";
import { type Orders, orderNamed, Selection } from "./selection.ts";
import { type ControllerState, type Job, jobOf, orderOf, specOf, taskIdOf } from "./state.ts";
import { noSlot } from "./tables/task-table.ts";
import { taskView } from "./views.ts";

/** `filter` of ListTasks: all that is given must hold. */
interface TaskFilter {
  readonly user?: string;
  /** A part of the name of the function or program. */
  readonly name?: string;
  /** A part of the id. */
  readonly id?: string;
  readonly workerId?: string;
}

interface Row {
  readonly state: ControllerState;
  readonly task: number;
}

const orders: Orders<Row> = {
  submittedAt: ({ state, task }) => orderOf(state, task),
  name: ({ state, task }) => specOf(state, task).name,
  state: ({ state, task }) => state.tasks.state[task],
  failureCount: ({ state, task }) => state.tasks.failureCount[task] + state.tasks.lossCount[task],
  valueBytes: ({ state, task }) => state.tasks.valueBytes[task],
  /** What does not run is after what does. */
  startedAt: ({ state, task }) => {
    const row = state.tasks.attempt[task];
    return (row === noSlot ? 0 : state.attempts.startedAt[row]) || Number.MAX_SAFE_INTEGER;
  },
};

/** The ListTasks response: of one name only the tasks of the latest job. */
export function* listTasks(
  state: ControllerState,
  request: ListRequest,
  principal: Principal,
): Scan<{ tasks: unknown[]; totalCount: number; nextPageToken: string }> {
  const job = jobAskedFor(state, request);
  const matches = matcherOf(state, request, principal);
  const { keyOf, direction } = orderNamed(orders, request.orderBy ?? "submittedAt");
  const selection = new Selection<number>(request, direction);
  const offer = (task: number): void => {
    if (!matches(task)) return;
    const tie = orderOf(state, task);
    selection.offer(state.tasks.ref(task), keyOf({ state, task }), tie);
  };
  if (job !== null && job.launch !== null) for (const task of job.launch.rows) offer(task);
  else {
    const isOf =
      job === null ? named(state) : (task: number) => state.tasks.job[task] === job.index;
    for (let task = 0; task < state.tasks.length; task++) {
      if (isOf(task)) offer(task);
      if (endsStep(task)) yield;
    }
  }
  const { page, nextPageToken } = selection.page();
  const tasks = yield* taskViews(state, page);
  return { tasks, totalCount: selection.count, nextPageToken };
}

/** Those of the latest job of each name: an id names one task. */
function named(state: ControllerState): Matcher {
  let latest = -1; // Neighbours are of the same job most often.
  return (task) => {
    if (!state.tasks.isLive(task)) return false;
    const job = jobOf(state, task);
    if (job.index === latest) return true;
    if (state.jobsById.get(job.id) !== job.index) return false;
    latest = job.index;
    return true;
  };
}

function jobAskedFor(state: ControllerState, { jobId = "" }: ListRequest): Job | null {
  return jobId === "" ? null : findJob(state, String(jobId));
}

/** Those that were not forgotten while the rows were looked at. */
function* taskViews(state: ControllerState, refs: readonly number[]): Scan<unknown[]> {
  yield;
  const stories = state.story.ofTasks(new Set(refs));
  yield;
  const views = yield* eachInSteps(refs, (ref) => {
    const task = state.tasks.find(ref);
    return task < 0 ? null : taskView(state, task, stories.get(ref) ?? []);
  });
  return views.filter((view) => view !== null);
}

type Matcher = (task: number) => boolean;

/** The cheap conditions first. */
function matcherOf(state: ControllerState, request: ListRequest, principal: Principal): Matcher {
  const { unfinished = false, states = [] } = request;
  if (typeof unfinished !== "boolean") {
    throw new CapstanError("INVALID_ARGUMENT", "unfinished: expected true or false");
  }
  const codes = stateCodes(states);
  const { user = "", name = "", id = "", workerId = "" } = (request.filter ?? {}) as TaskFilter;
  const worker = workerId === "" ? -1 : (state.workersById.get(workerId) ?? noSlot);
  const own = seesOwnOnly(principal) ? principal.user : "";
  return (task) => {
    const { tasks } = state;
    const code = tasks.state[task];
    if (unfinished && isTerminalCode(code)) return false;
    if (codes.size > 0 && !codes.has(code)) return false;
    if (own !== "" && jobOf(state, task).user !== own) return false;
    if (user !== "" && jobOf(state, task).user !== user) return false;
    if (worker >= 0 && workerOf(state, task) !== worker) return false;
    if (name !== "" && !specOf(state, task).name.includes(name)) return false;
    return id === "" || taskIdOf(state, task).includes(id);
  };
}

function workerOf({ tasks, attempts }: ControllerState, task: number): number {
  const row = tasks.attempt[task];
  return row === noSlot ? -1 : attempts.worker[row];
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
