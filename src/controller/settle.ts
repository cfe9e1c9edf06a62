/**
 * The one place where a task becomes terminal, and where those who wait for it are told.
 *
 * A failed task fails its waiting dependents with the root's cause, in one fact, iteratively: a
 * chain of any length costs no stack. Dependents that already run are left alone: they have their
 * inputs.
 *
 * @module
 */

import { U8Column, U32Column } from "../base/column.ts";
import type { Micros } from "../base/time.ts";
import type { TaskFailure } from "../model/failure.ts";
import { taskStateCode, taskStates } from "../model/states.ts";
import type { ClientIndex } from "./events.ts";
import type { Outbox } from "./outbox.ts";
import { rescheduleCount } from "./reschedules.ts";
import type { ControllerState } from "./state.ts";
import { taskIdOf } from "./state.ts";
import { noEdge } from "./tables/edges.ts";
import { noSlot, stage, taskFlag } from "./tables/task-table.ts";

/** A task that fails by itself; its dependents follow. */
export interface FailedRoot {
  readonly task: number;
  readonly state: number;
  readonly failure: TaskFailure;
}

/** Makes the roots, and every task that waits for them, terminal. */
export function failTasks(
  state: ControllerState,
  out: Outbox,
  { roots, at }: { roots: readonly FailedRoot[]; at: Micros },
): void {
  if (roots.length === 0) return;
  const cascade = new Cascade();
  for (const root of roots) cascade.addRoot(root);
  for (let next = 0; next < cascade.tasks.length; next++) cascade.addDependents(state, next);
  const states = cascade.states.take();
  const reasons = cascade.reasons.take();
  const tasks = cascade.tasks.take();
  out.record(state, {
    type: "tasks-failed",
    at,
    tasks,
    states,
    reasons,
    failures: roots.map((root) => root.failure),
  });
  for (const task of tasks) pushReleaseCandidates(state, out, task);
  announceFailures(state, out, tasks);
}

class Cascade {
  readonly tasks = new U32Column();
  readonly states = new U8Column();
  readonly reasons = new U32Column();
  readonly #seen = new Set<number>();
  #roots = 0;

  addRoot(root: FailedRoot): void {
    const reason = this.#roots++;
    if (!this.#seen.has(root.task)) this.#add(root.task, root.state, reason);
  }

  /** The waiting dependents of entry `index`, with its root. */
  addDependents(state: ControllerState, index: number): void {
    const { tasks } = state;
    const killed = this.states.at(index) === taskStateCode.KILLED;
    const code = killed ? taskStateCode.KILLED : taskStateCode.UPSTREAM_FAILED;
    const reason = this.reasons.at(index);
    let edge = tasks.dependentsHead[this.tasks.at(index)];
    for (; edge !== noEdge; edge = tasks.edges.next[edge]) {
      const owner = tasks.edges.owner[edge];
      if (tasks.state[owner] !== taskStateCode.PENDING || this.#seen.has(owner)) continue;
      this.#add(owner, code, reason);
    }
  }

  #add(task: number, code: number, reason: number): void {
    this.#seen.add(task);
    this.tasks.push(task);
    this.states.push(code);
    this.reasons.push(reason);
  }
}

/** Fails those of `tasks` that wait for something that has failed already. */
export function failDoomed(
  state: ControllerState,
  out: Outbox,
  { tasks: waiting, at }: { tasks: Iterable<number>; at: Micros },
): void {
  const roots: FailedRoot[] = [];
  for (const task of waiting) {
    const place = state.tasks.stage[task];
    if (place !== stage.waiting && place !== stage.called) continue;
    const failed = failedInput(state, task);
    const failure = failed === noSlot ? undefined : state.failures.get(failed);
    if (failure === undefined) continue;
    const killed = state.tasks.state[failed] === taskStateCode.KILLED;
    const code = killed ? taskStateCode.KILLED : taskStateCode.UPSTREAM_FAILED;
    roots.push({ task, state: code, failure });
  }
  failTasks(state, out, { roots, at });
}

function failedInput(state: ControllerState, task: number): number {
  const { tasks } = state;
  for (let position = 0; position < tasks.dependencyCount[task]; position++) {
    const input = tasks.dependency(task, position);
    if (tasks.state[input] > taskStateCode.SUCCEEDED) return input;
  }
  return noSlot;
}

/** The task itself and what it read may be releasable now. */
export function pushReleaseCandidates(state: ControllerState, out: Outbox, task: number): void {
  const { tasks } = state;
  out.releaseCandidates.push(task);
  const start = tasks.dependenciesStart[task];
  for (let edge = start; edge < start + tasks.dependencyCount[task]; edge++) {
    const input = tasks.edges.target[edge];
    if (tasks.pendingDependents[input] === 0) out.releaseCandidates.push(input);
  }
}

/** Visits every (client, task number) that wants the task and whose client is connected. */
export function forEachAudience(
  state: ControllerState,
  task: number,
  visit: (client: ClientIndex, number: number) => void,
): void {
  const { tasks } = state;
  const owner = state.clients[state.jobs[tasks.job[task]].client];
  const number = tasks.index[task];
  if (owner?.connected === true && owner.handles.get(number) === task) visit(owner.index, number);
  if (state.aliases.size === 0) return;
  for (const alias of state.aliases.get(task) ?? []) {
    if (state.clients[alias.client]?.connected === true) visit(alias.client, alias.number);
  }
}

/** Tells the connected clients that want the tasks of these attempts that they run. */
export function announceStarts(
  state: ControllerState,
  out: Outbox,
  attempts: readonly number[],
): void {
  const byClient = new Map<ClientIndex, number[]>();
  for (const row of attempts) {
    const task = state.attempts.task[row];
    if (state.tasks.attempt[task] !== row) continue; // It has ended in the same message.
    forEachAudience(state, task, (client, number) => {
      const numbers = byClient.get(client);
      if (numbers === undefined) byClient.set(client, [number]);
      else numbers.push(number);
    });
  }
  for (const [client, numbers] of byClient) {
    out.toClient(state, client, { type: "started", tasks: Uint32Array.from(numbers) });
  }
}

/** Tells the connected clients that want these tasks that they have failed. */
function announceFailures(state: ControllerState, out: Outbox, tasks: Iterable<number>): void {
  const byClient = new Map<ClientIndex, FailureList>();
  const told = new U32Column();
  for (const task of tasks) {
    if (state.tasks.hasFlag(task, taskFlag.awaited)) told.push(task);
    forEachAudience(state, task, (client, number) => {
      let list = byClient.get(client);
      if (list === undefined) {
        list = new FailureList();
        byClient.set(client, list);
      }
      list.push(state, task, number);
    });
  }
  for (const [client, list] of byClient) out.toClient(state, client, list.message());
  if (told.length === 0) return;
  out.record(state, { type: "outcomes-awaited", tasks: told.take(), awaited: false });
}

/** Tells one connected client that these tasks have failed, by its numbers for them. */
export function tellFailures(
  state: ControllerState,
  out: Outbox,
  client: ClientIndex,
  failed: ReadonlyMap<number, number>,
): void {
  if (failed.size === 0) return;
  const list = new FailureList();
  for (const [number, task] of failed) list.push(state, task, number);
  out.toClient(state, client, list.message());
}

class FailureList {
  readonly #tasks: number[] = [];
  readonly #causes: number[] = [];
  readonly #states: string[] = [];
  readonly #failures = new Map<TaskFailure, number>();

  push(state: ControllerState, task: number, number: number): void {
    const failure = state.failures.get(task);
    if (failure === undefined) return;
    let cause = this.#failures.get(failure);
    if (cause === undefined) {
      cause = this.#failures.size;
      this.#failures.set(failure, cause);
    }
    this.#tasks.push(number);
    this.#causes.push(cause);
    this.#states.push(taskStates[state.tasks.state[task]]);
  }

  message() {
    return {
      type: "failures",
      tasks: this.#tasks,
      causes: this.#causes,
      failures: [...this.#failures.keys()],
      states: this.#states,
    } as const;
  }
}

/** Attempts of a task that have ended and were counted. */
export function triesOf(state: ControllerState, task: number): number {
  const { failureCount, lossCount } = state.tasks;
  return failureCount[task] + lossCount[task] + rescheduleCount(state, task);
}

/** The failure of a task that nobody's code caused: cancelled, unschedulable, worker died. */
export function plainFailure(
  state: ControllerState,
  task: number,
  { code, message, workerId = "" }: { code: string; message: string; workerId?: string },
): TaskFailure {
  const attempts = triesOf(state, task);
  return { code, message, blame: taskIdOf(state, task), workerId, attempts, failure: null };
}
