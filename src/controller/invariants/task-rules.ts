/**
 * What must be true of every task that is remembered.
 *
 * @module
 */

import { isTerminalCode, taskStateCode, taskStates } from "../../model/states.ts";
import { countUnavailable, isAvailable, isReadable } from "../apply-tasks.ts";
import { actorOf } from "../call-lines.ts";
import { type ControllerState, jobOf, taskIdOf } from "../state.ts";
import { noEdge } from "../tables/edges.ts";
import { noSlot, stage, taskFlag } from "../tables/task-table.ts";
import type { Inspection, RecordRule } from "./inspection.ts";

/** S-2: what a task depends on is remembered, and knows of it. */
function everyEdgeIsListedAtBothEnds(look: Inspection, task: number): void {
  const { tasks } = look.state;
  const { owner, target, next, previous } = tasks.edges;
  const start = tasks.dependenciesStart[task];
  for (let edge = start; edge < start + tasks.dependencyCount[task]; edge++) {
    const input = target[edge];
    if (!tasks.isLive(input)) look.ofTask(task, "depends on a forgotten task");
    else if (owner[edge] !== task) look.ofTask(task, "has an edge of another task");
    else if (
      previous[edge] === noEdge
        ? tasks.dependentsHead[input] !== edge
        : next[previous[edge]] !== edge
    )
      look.ofTask(task, `is not listed by its input ${taskIdOf(look.state, input)}`);
  }
}

/** S-2, S-12: the dependents that a task lists are those that it counts, open ones apart. */
function dependentsAreListedAndCounted(look: Inspection, task: number): void {
  const { tasks } = look.state;
  const { owner, target, next } = tasks.edges;
  const counted = tasks.dependentCount[task];
  let listed = 0;
  let open = 0;
  for (let edge = tasks.dependentsHead[task]; edge !== noEdge; edge = next[edge]) {
    if (++listed > counted) break;
    const dependent = owner[edge];
    if (target[edge] !== task || !tasks.isLive(dependent))
      look.ofTask(task, "lists a foreign edge");
    else if (!isTerminalCode(tasks.state[dependent])) open++;
  }
  if (listed !== counted) look.ofTask(task, `${counted} dependents counted, ${listed} listed`);
  else if (open !== tasks.pendingDependents[task])
    look.ofTask(task, `${tasks.pendingDependents[task]} open dependents, ${open} found`);
}

/** S-3, S-4: a task waits for exactly its inputs without a value. */
function waitingCountsAreExact(look: Inspection, task: number): void {
  const { tasks } = look.state;
  if (isTerminalCode(tasks.state[task])) return;
  const missing = tasks.dependencyCount[task] === 0 ? 0 : countUnavailable(look.state, task);
  if (tasks.waitingOn[task] !== missing)
    look.ofTask(task, `waits on ${tasks.waitingOn[task]}, ${missing} are missing`);
}

/** S-3, S-10: what a waiting task waits for is on its way: none has failed or is gone. */
function everyMissingInputWillCome(look: Inspection, task: number): void {
  const { tasks } = look.state;
  if (tasks.stage[task] !== stage.waiting) return;
  for (let position = 0; position < tasks.dependencyCount[task]; position++) {
    const input = tasks.dependency(task, position);
    if (isReadable(look.state, input) || !isTerminalCode(tasks.state[input])) continue;
    const ids = [taskIdOf(look.state, task), taskIdOf(look.state, input)];
    const name = taskStates[tasks.state[input]];
    look.report(ids, `waits for an input that is ${name} without a value`);
  }
}

/** S-5: a value that counts as available has a holder; no lost worker holds one. */
function availableValuesHaveLiveHolders(look: Inspection, task: number): void {
  const { state } = look;
  const holder = state.tasks.holder[task];
  if (isAvailable(state, task) !== (holder !== noSlot))
    look.ofTask(task, `holder ${holder} does not fit its availability`);
  if (holder !== noSlot && state.workers[holder].lost)
    look.report([taskIdOf(state, task), state.workers[holder].workerId], "held by a lost worker");
  if (state.extraHolders.size === 0) return;
  const extras = state.extraHolders.get(task);
  if (extras === undefined) return;
  if (holder === noSlot) look.ofTask(task, "has copies of no value");
  if (extras.includes(holder)) look.ofTask(task, "counts a holder twice");
}

/** S-6: assigned tasks have one current attempt on a live incarnation, others none. */
function assignedTasksHaveOneCurrentAttempt(look: Inspection, task: number): void {
  const { tasks, attempts, workers } = look.state;
  const code = tasks.state[task];
  const isAssigned = code >= taskStateCode.ASSIGNED && code <= taskStateCode.RUNNING;
  const row = tasks.attempt[task];
  if (isAssigned !== (row !== noSlot))
    look.ofTask(task, `${taskStates[code]} with attempt row ${row}`);
  if (row === noSlot) return;
  if (attempts.id[row] === 0 || attempts.task[row] !== task)
    look.ofTask(task, "its current attempt is not its own");
  else if (workers[attempts.worker[row]].lost) look.ofTask(task, "its attempt is on a lost worker");
}

/** D1, S-4: what has an attempt has all its inputs, but for a value that was lost since. */
function whatIsQueuedHasItsInputs(look: Inspection, task: number): void {
  const { tasks } = look.state;
  if (tasks.stage[task] === stage.queued && tasks.waitingOn[task] > 0)
    look.ofTask(task, `is in line and waits on ${tasks.waitingOn[task]} inputs`);
}

/** S-11: what is SUCCEEDED without a value is needed by nobody. */
function goneValuesAreNotNeeded(look: Inspection, task: number): void {
  const { tasks } = look.state;
  if (tasks.state[task] !== taskStateCode.SUCCEEDED) return;
  if (!tasks.hasFlag(task, taskFlag.valueGone)) return;
  if (tasks.pendingDependents[task] > 0 || tasks.hasFlag(task, taskFlag.awaited))
    look.ofTask(task, "its value is gone and somebody needs it");
}

/** S-11, S-12: wants equal what names the task: its own client's handle, aliases, publications. */
function wantsMirrorTheHandles(look: Inspection, task: number): void {
  const { state } = look;
  const names = state.shared.publishedCounts.get(task) ?? 0;
  const found = ownHandles(state, task) + aliasHandles(look, task) + names;
  if (found !== state.tasks.wants[task])
    look.ofTask(task, `${state.tasks.wants[task]} wants, ${found} handles and names`);
}

function ownHandles(state: ControllerState, task: number): number {
  const { client } = jobOf(state, task);
  if (client < 0) return 0;
  return state.clients[client]?.handles.get(state.tasks.index[task]) === task ? 1 : 0;
}

function aliasHandles({ state }: Inspection, task: number): number {
  if (state.aliases.size === 0) return 0;
  let found = 0;
  for (const { client, number } of state.aliases.get(task) ?? []) {
    if (state.clients[client]?.handles.get(number) === task) found++;
  }
  return found;
}

/** S-10: exactly what has failed has a failure, which says why. */
function exactlyTheFailedHaveAFailure(look: Inspection, task: number): void {
  const { tasks, failures } = look.state;
  const code = tasks.state[task];
  const hasFailed = isTerminalCode(code) && code !== taskStateCode.SUCCEEDED;
  if (hasFailed !== failures.has(task))
    look.ofTask(task, `${taskStates[code]} and its failure do not go together`);
}

/** S-10: of what has failed everybody who wanted it was told: nobody waits to hear of it. */
function nobodyAwaitsWhatHasFailed(look: Inspection, task: number): void {
  const { tasks } = look.state;
  if (tasks.state[task] > taskStateCode.SUCCEEDED && tasks.hasFlag(task, taskFlag.awaited))
    look.ofTask(task, "has failed, and somebody is still to be told");
}

/** S-17, S-19: nothing that is not needed is remembered. */
function whatNobodyNeedsIsForgotten(look: Inspection, task: number): void {
  const { state } = look;
  const { tasks } = state;
  const unneeded =
    tasks.wants[task] === 0 &&
    tasks.pendingDependents[task] === 0 &&
    tasks.dependentCount[task] === 0 &&
    isTerminalCode(tasks.state[task]) &&
    jobOf(state, task).launch === null &&
    !state.strayOfTask.has(task);
  if (unneeded) look.ofTask(task, "nobody needs it, and it is remembered");
}

/** S-26: every task that has not ended has a named waker. */
function everyOpenTaskHasAWaker(look: Inspection, task: number): void {
  const { tasks } = look.state;
  if (isTerminalCode(tasks.state[task])) {
    if (tasks.stage[task] !== stage.none) look.ofTask(task, "ended and still in line");
  } else if (!hasWaker(look.state, task))
    look.ofTask(task, `stage ${tasks.stage[task]} without a waker`);
}

/** Whether something named will move the task. */
export function hasWaker(state: ControllerState, task: number): boolean {
  const { tasks } = state;
  if (tasks.attempt[task] !== noSlot) return tasks.stage[task] === stage.none;
  switch (tasks.stage[task]) {
    case stage.waiting:
      return tasks.waitingOn[task] > 0;
    case stage.queued:
      return tasks.waitingOn[task] === 0;
    case stage.called:
      return tasks.waitingOn[task] === 0 && !isTerminalCode(tasks.state[actorOf(state, task)]);
    case stage.delayed:
      return state.notBefore.has(task);
    case stage.offered:
      return (state.shared.offers.get(task)?.length ?? 0) > 0;
    case stage.held:
      return state.strayOfTask.has(task) || (jobOf(state, task).launch?.predecessor ?? -1) >= 0;
    default:
      return false;
  }
}

export const taskRules: readonly RecordRule[] = [
  everyEdgeIsListedAtBothEnds,
  dependentsAreListedAndCounted,
  waitingCountsAreExact,
  everyMissingInputWillCome,
  availableValuesHaveLiveHolders,
  assignedTasksHaveOneCurrentAttempt,
  whatIsQueuedHasItsInputs,
  goneValuesAreNotNeeded,
  wantsMirrorTheHandles,
  exactlyTheFailedHaveAFailure,
  nobodyAwaitsWhatHasFailed,
  whatNobodyNeedsIsForgotten,
  everyOpenTaskHasAWaker,
];
