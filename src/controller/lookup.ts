/**
 * From what people type to what the tables know.
 *
 * @module
 */

import { CapstanError } from "../model/errors.ts";
import { keyOfTask, taskWithKey } from "./keys.ts";
import { type ControllerState, jobNamed, taskIdOf } from "./state.ts";

/**
 * The full id of a job or task that is named without its user, or by its key: the caller's own if
 * there is one, else the only one that there is. What names nothing of these stays as it is.
 */
export function absoluteId(state: ControllerState, id: string, user: string): string {
  if (id === "" || id.startsWith("/")) return id;
  const [, job, index = ""] = /^(.*?)((?:\/\d+)?)$/.exec(id) ?? [];
  if (state.jobsById.has(`/${user}/${job}`)) return `/${user}/${job}${index}`;
  const keyed = taskWithKey(state, user, id);
  if (keyed >= 0) return taskIdOf(state, keyed);
  const named = [...state.jobsById.keys()].filter(
    (one) => one.slice(one.indexOf("/", 1) + 1) === job,
  );
  return named.length === 1 ? `${named[0]}${index}` : id;
}

/**
 * The row of a task named by id (`/user/graph-1/17`), by explicit key, or by the number that
 * `getContext().taskId` has on a worker; throws NOT_FOUND.
 */
export function findTask(state: ControllerState, id: string): number {
  const task = taskNamed(state, id);
  if (task >= 0) return task;
  throw noSuchTask(id);
}

/** The same, or -1. */
export function taskNamed(state: ControllerState, id: string): number {
  const task = findByTaskId(state, id);
  if (task >= 0) return task;
  for (const { name } of state.users) {
    const row = taskWithKey(state, name, id);
    if (row >= 0) return row;
  }
  return /^\d+$/.test(id) ? state.tasks.find(Number(id)) : -1;
}

/** The refusal of an id that names no task. */
export function noSuchTask(id: string): CapstanError {
  return new CapstanError(
    "NOT_FOUND",
    `no task ${JSON.stringify(id)}: it never existed, or it ended and was forgotten; ` +
      "`capstan task list` shows what is remembered",
    { details: { id } },
  );
}

function findByTaskId(state: ControllerState, id: string): number {
  const cut = id.lastIndexOf("/");
  const job = jobNamed(state, id.slice(0, cut));
  const index = Number(id.slice(cut + 1));
  if (job === undefined || !Number.isSafeInteger(index) || id.endsWith("/")) return -1;
  if (job.launch !== null) return job.launch.rows[index] ?? -1;
  const owner = state.clients[job.client];
  const handle = owner === null ? -1 : owner.handles.get(index);
  if (handle >= 0) return handle; // Also one that it shares by key or name.
  // Released by its client but not forgotten yet.
  for (const row of state.tasks.rows()) {
    if (state.tasks.job[row] === job.index && state.tasks.index[row] === index) return row;
  }
  return -1;
}

/** The explicit key of a task, or its id. */
export function keyOf(state: ControllerState, task: number, taskId: string): string {
  return keyOfTask(state, task) || taskId;
}
