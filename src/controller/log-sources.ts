/**
 * Where the logs of a task, of a job with all below it, or of one attempt are: with the workers
 * that ran their attempts. Pure; the shell goes and reads them.
 *
 * What runs in a process has logs. What a thread writes goes to the log of its worker.
 *
 * @module
 */

import { present } from "../base/assert.ts";
import { CapstanError } from "../model/errors.ts";
import { type AttemptId, formatAttemptId, noAttempt, type WorkerIndex } from "../model/ids.ts";
import type { Principal } from "../model/job.ts";
import { runsInProcess } from "../model/spec.ts";
import { isTerminalCode } from "../model/states.ts";
import { treeOf } from "./job-tree.ts";
import { findJob } from "./jobs.ts";
import { absoluteId, findTask } from "./lookup.ts";
import { requireOwn, requireOwnId } from "./own-reads.ts";
import { type ControllerState, type Job, jobOf, specOf, taskIdOf } from "./state.ts";
import { noSlot } from "./tables/task-table.ts";

/** The log of one attempt. */
export interface LogSource {
  readonly taskId: string;
  /** `"3.17"`. */
  readonly attemptId: string;
  readonly workerId: string;
  /** Of its worker. */
  readonly address: string;
  /** The attempt has ended: nothing will be added. */
  readonly ended: boolean;
  /** Whether its worker can be asked now. */
  readonly reachable: boolean;
  /** Whether it is certain that its worker will not answer: it is lost. */
  readonly gone: boolean;
  /** Why it cannot be asked, as a sentence; "" when it can. */
  readonly reason: string;
}

export interface LogSelection {
  /** Oldest first. */
  readonly sources: readonly LogSource[];
  /** Something selected is not over: further sources may come. */
  readonly open: boolean;
}

/** Which logs: exactly one of the three, or an attempt of a task or job. */
export interface LogQuestion {
  readonly taskId?: string | undefined;
  readonly jobId?: string | undefined;
  readonly attemptId?: string | undefined;
}

/**
 * The caller may leave out its own name in ids. Throws INVALID_ARGUMENT for a selection of nothing,
 * NOT_FOUND for what is not remembered, FORBIDDEN for somebody else's.
 */
export function logSources(
  state: ControllerState,
  question: LogQuestion,
  principal: Principal,
): LogSelection {
  const { attemptId } = question;
  const fullId = (id: string | undefined) => id && ownId(state, id, principal);
  const [taskId, jobId] = [fullId(question.taskId), fullId(question.jobId)];
  if (taskId !== undefined && jobId !== undefined) {
    throw new CapstanError("INVALID_ARGUMENT", "jobId: give a job or a task, not both");
  }
  if (taskId !== undefined) return only(attemptId, selectionOf(state, [findTask(state, taskId)]));
  if (jobId !== undefined) {
    const jobs = treeOf(state, findJob(state, jobId));
    const selection = selectionOf(
      state,
      jobs.flatMap((job) => rowsOf(state, job)),
    );
    const open = selection.open || jobs.some(({ finishedAt }) => finishedAt === 0);
    return only(attemptId, { ...selection, open });
  }
  if (attemptId === undefined) {
    throw new CapstanError(
      "INVALID_ARGUMENT",
      "jobId: is missing; say whose logs: a jobId, a taskId or an attemptId",
    );
  }
  const task = taskOfAttempt(state, attemptId);
  requireOwn(principal, jobOf(state, task));
  return only(attemptId, selectionOf(state, [task]));
}

/** The full id of what the principal may see. Throws FORBIDDEN for what is somebody else's. */
function ownId(state: ControllerState, id: string, principal: Principal): string {
  const fullId = absoluteId(state, id, principal.user);
  requireOwnId(state, principal, fullId);
  return fullId;
}

/** Of a selection, one attempt. */
function only(attemptId: string | undefined, selection: LogSelection): LogSelection {
  if (attemptId === undefined) return selection;
  const source = selection.sources.find((one) => one.attemptId === attemptId);
  if (source === undefined) throw noSuchAttempt(attemptId);
  return { sources: [source], open: !source.ended };
}

function noSuchAttempt(attemptId: string): CapstanError {
  return new CapstanError(
    "NOT_FOUND",
    `attemptId: no attempt ${JSON.stringify(attemptId)} with a log is remembered there; ` +
      "`capstan task show` lists the attempts of a task",
    { details: { attemptId } },
  );
}

/** The rows of a job's tasks. */
function rowsOf({ tasks }: ControllerState, job: Job): number[] {
  if (job.launch !== null) return [...job.launch.rows];
  return [...tasks.rows()].filter((row) => tasks.job[row] === job.index);
}

function taskOfAttempt(state: ControllerState, attemptId: string): number {
  const { attempts, histories } = state;
  for (const row of attempts.rows()) {
    if (formatAttemptId(attempts.id[row]) === attemptId) return attempts.task[row];
  }
  for (const [task, history] of histories) {
    if (history.some(({ id }) => formatAttemptId(id) === attemptId)) return task;
  }
  throw noSuchAttempt(attemptId);
}

interface KnownAttempt {
  readonly id: AttemptId;
  readonly task: number;
  readonly worker: WorkerIndex;
  readonly ended: boolean;
}

function selectionOf(state: ControllerState, rows: readonly number[]): LogSelection {
  const logged = rows.filter((row) => runsInProcess(specOf(state, row).run));
  const found = [...endedAttempts(state, logged), ...liveAttempts(state, new Set(logged))];
  const known = new Map(found.map((attempt) => [attempt.id, attempt]));
  const sources = [...known.values()].sort((a, b) => a.id - b.id);
  return {
    sources: sources.map((attempt) => sourceOf(state, attempt)),
    open: logged.some((row) => !isTerminalCode(state.tasks.state[row])),
  };
}

/** A launched job keeps records of them; of a graph's tasks the story remembers the latest. */
function endedAttempts(state: ControllerState, rows: readonly number[]): KnownAttempt[] {
  const found: KnownAttempt[] = [];
  const told = new Map<number, number>();
  for (const task of rows) {
    if (state.jobs[state.tasks.job[task]].launch === null) told.set(state.tasks.ref(task), task);
    for (const { id, workerId, startedAt, usage, cause } of state.histories.get(task) ?? []) {
      // A short function ends before anybody has said that it had started.
      const neverRan = startedAt === 0 && usage === null && cause !== "finished";
      if (neverRan) continue;
      const worker = present(state.workersById.get(workerId), "an attempt was on a worker");
      found.push({ id, task, worker, ended: true });
    }
  }
  if (told.size === 0) return found;
  for (const [ref, story] of state.story.ofTasks(new Set(told.keys()))) {
    const task = told.get(ref) ?? noSlot;
    for (const { attempt: id, worker } of story) {
      if (id !== noAttempt) found.push({ id, task, worker, ended: true });
    }
  }
  return found;
}

function liveAttempts(state: ControllerState, rows: ReadonlySet<number>): KnownAttempt[] {
  const { attempts } = state;
  const found: KnownAttempt[] = [];
  for (const row of attempts.rows()) {
    const id = attempts.id[row];
    const task = attempts.task[row];
    if (!rows.has(task) || !attempts.isGranted(row)) continue;
    found.push({ id, task, worker: attempts.worker[row], ended: false });
  }
  return found;
}

function sourceOf(state: ControllerState, attempt: KnownAttempt): LogSource {
  const { id, task, worker, ended } = attempt;
  const { workerId, address, lost, lostReason, connected } = state.workers[worker];
  const reachable = connected && !lost;
  const why = lost ? `is lost: ${lostReason}` : "is not connected";
  return {
    taskId: taskIdOf(state, task),
    attemptId: formatAttemptId(id),
    workerId,
    address,
    ended,
    reachable,
    gone: lost,
    reason: reachable ? "" : `worker ${workerId} ${why}`,
  };
}
