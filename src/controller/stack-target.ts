/**
 * Where a task runs now, for whoever wants to look at it there. Pure; the shell goes and looks.
 *
 * @module
 */

import { formatAttemptId } from "../model/ids.ts";
import { type TaskState, taskStates } from "../model/states.ts";
import { findTask } from "./lookup.ts";
import { type ControllerState, isHealthy, specOf, taskIdOf } from "./state.ts";
import { attemptFlag } from "./tables/attempt-table.ts";
import { noSlot } from "./tables/task-table.ts";
import { formatTime } from "./views.ts";

/** The attempt of a task that runs, and its worker. */
export interface StackTarget {
  readonly taskId: string;
  readonly state: TaskState;
  readonly kind: "FUNCTION" | "COMMAND";
  /** Null of a task without an attempt. */
  readonly attemptId: string | null;
  readonly workerId: string | null;
  /** Of the worker's agent. */
  readonly workerPid: number | null;
  /** `host:port` of its listener; "" without a worker. */
  readonly address: string;
  readonly startedAt: string | null;
  /** Why there is nothing to look at, or nobody to ask; "" otherwise. */
  readonly reason: string;
}

/** Throws NOT_FOUND. */
export function stackTarget(state: ControllerState, id: string): StackTarget {
  const task = findTask(state, id);
  const { attempts } = state;
  const row = state.tasks.attempt[task];
  const name = taskStates[state.tasks.state[task]];
  const about = {
    taskId: taskIdOf(state, task),
    state: name,
    kind: specOf(state, task).run.kind === "command" ? "COMMAND" : "FUNCTION",
  } as const;
  if (row === noSlot) {
    const nobody = { attemptId: null, workerId: null, workerPid: null, address: "" };
    return { ...about, ...nobody, startedAt: null, reason: `it does not run: it is ${name}` };
  }
  const worker = state.workers[attempts.worker[row]];
  const runs = attempts.hasFlag(row, attemptFlag.started);
  const unheard = isHealthy(worker) ? "" : `worker ${worker.workerId} is not heard`;
  return {
    ...about,
    attemptId: formatAttemptId(attempts.id[row]),
    workerId: worker.workerId,
    workerPid: worker.pid,
    address: worker.address,
    startedAt: formatTime(attempts.startedAt[row]),
    reason: runs ? unheard : `it does not run yet: it is ${name} on ${worker.workerId}`,
  };
}
