/**
 * Rules about each task record: what it says, what it needs, what it waits for.
 *
 * @module
 */

import type { TaskRef } from "../../model/ids.ts";
import {
  isNeeded,
  type Run,
  runOfState,
  type TaskRecord,
  type TaskState,
  unstartedRun,
  type WorkerState,
} from "../state.ts";
import { broken, type TaskRules } from "./rule.ts";

const fieldsOf: { readonly [T in TaskState["type"]]: readonly string[] } = {
  released: ["type"],
  waiting: ["missing", "run", "type"],
  ready: ["run", "type"],
  blocked: ["run", "type"],
  executing: ["execution", "type"],
  "to-fetch": ["sources", "type"],
  missing: ["askedAt", "type"],
  "in-flight": ["sources", "transfer", "type"],
  memory: ["type", "value"],
  failed: ["kind", "type"],
  rescheduled: ["reason", "type"],
};

/** Whether a missing input in this state can still come. */
const canStillCome: { readonly [T in TaskState["type"]]: boolean } = {
  released: false,
  waiting: true,
  ready: true,
  blocked: true,
  executing: true,
  "to-fetch": true,
  missing: true,
  "in-flight": true,
  memory: false,
  failed: false,
  rescheduled: false,
};

function everyTaskHasOneRecord(state: WorkerState, record: TaskRecord): void {
  if (state.tasks.get(record.task) !== record)
    broken(`task ${record.task} is filed under its own reference`);
  const run = runOfState(record.state);
  if (run !== null && run.task !== record.task)
    broken(`the run of task ${record.task} is a run of it`);
}

function aStateHasExactlyItsOwnFields(_: WorkerState, { task, state }: TaskRecord): void {
  const expected = fieldsOf[state.type];
  let count = 0;
  for (const field in state) if (expected.includes(field)) count++;
  if (count !== expected.length || Object.keys(state).length !== count)
    broken(`task ${task} (${state.type}) has the fields ${expected.join(" ")}`);
}

function isInMemory(state: WorkerState, task: TaskRef): boolean {
  return state.tasks.get(task)?.state.type === "memory";
}

function countMissing(state: WorkerState, run: Run): number {
  let missing = 0;
  for (const task of run.dependencies) if (!isInMemory(state, task)) missing++;
  return missing;
}

function aWaitingTaskMissesExactlyWhatIsNotInMemory(state: WorkerState, record: TaskRecord): void {
  const { task, state: waiting } = record;
  if (waiting.type !== "waiting") return;
  const { missing, run } = waiting;
  if (missing.size === 0) broken(`task ${task} waits for something`);
  for (const input of missing) {
    if (isInMemory(state, input) || !run.dependencies.includes(input))
      broken(`task ${task} misses input ${input}, which it does not`);
  }
  if (countMissing(state, run) !== missing.size) broken(`task ${task} misses more than it says`);
}

function everyMissingInputHasAWaker(state: WorkerState, { task, state: waiting }: TaskRecord) {
  if (waiting.type !== "waiting") return;
  for (const input of waiting.missing) {
    const type = state.tasks.get(input)?.state.type;
    if (type === undefined || !canStillCome[type])
      broken(`input ${input} of task ${task} is ${type} and nothing will move it`);
  }
}

function aReadyTaskHasAllItsInputs(state: WorkerState, { task, state: ready }: TaskRecord): void {
  if (ready.type !== "ready" && ready.type !== "blocked") return;
  if (countMissing(state, ready.run) !== 0) broken(`task ${task} has all its inputs`);
  if (ready.run.spec.asksBeyondCpu !== (ready.type === "blocked"))
    broken(`task ${task} is ${ready.type} by its request`);
}

function needsAreSymmetric(state: WorkerState, record: TaskRecord): void {
  if (record.neededBy !== null) {
    for (const dependent of record.neededBy) {
      const needing = state.tasks.get(dependent);
      const run = needing === undefined ? null : unstartedRun(needing.state);
      if (run === null || !run.dependencies.includes(record.task))
        broken(`task ${dependent} needs ${record.task}`);
    }
  }
  const run = unstartedRun(record.state);
  if (run === null) return;
  for (const input of run.dependencies) {
    if (state.tasks.get(input)?.neededBy?.has(record.task) !== true)
      broken(`input ${input} knows that task ${record.task} needs it`);
  }
}

/** Whether a state is one in which a task holds nothing and waits for nobody but the controller. */
export function isAtRest({ state }: TaskRecord): boolean {
  return state.type === "released" || state.type === "failed" || state.type === "rescheduled";
}

function atRestNothingIsNeeded(_: WorkerState, record: TaskRecord): void {
  if (isAtRest(record) && isNeeded(record))
    broken(`task ${record.task} is at rest and nobody here needs it`);
}

function nothingIsRememberedWithoutACause(_: WorkerState, record: TaskRecord): void {
  if (isAtRest(record) && !record.hadRun)
    broken(`task ${record.task} never ran here, holds nothing and is forgotten`);
}

function inTroubleNothingWaitsToStart(state: WorkerState, record: TaskRecord): void {
  const isClosed = state.trouble !== "" || state.pause?.outlasted === true;
  if (isClosed && unstartedRun(record.state) !== null)
    broken(`the run of task ${record.task} was handed back`);
}

function aRecordAndWhatItHoldsAgree(state: WorkerState, { task, state: held }: TaskRecord): void {
  switch (held.type) {
    case "memory":
      if (held.value.task !== task || held.value.gone) broken(`the value of task ${task} is here`);
      return;
    case "executing":
      if (state.executions.get(held.execution.id) !== held.execution)
        broken(`task ${task} names a live execution`);
      if (held.execution.orphan) broken(`task ${task} owns its execution`);
      return;
    case "in-flight":
      if (state.transfers.get(held.transfer.id) !== held.transfer)
        broken(`the transfer of task ${task} is live`);
      if (!held.transfer.wanted.has(task)) broken(`its transfer wants task ${task}`);
      return;
    case "missing":
      if (!state.missing.has(task)) broken(`task ${task} is asked for`);
  }
}

function whatIsToBeFetchedHasLiveSources(state: WorkerState, { task, state: wanted }: TaskRecord) {
  if (wanted.type !== "to-fetch" && wanted.type !== "in-flight") return;
  const isQueued = wanted.type === "to-fetch";
  if (isQueued && wanted.sources.size === 0) broken(`task ${task} has a source`);
  for (const source of wanted.sources) {
    const peer = state.peers.get(source);
    if (peer === undefined) broken(`source ${source} of task ${task} is a live peer`);
    else if (isQueued && !peer.queue.has(task)) broken(`task ${task} is queued on peers`);
    if (source === state.connection.index) broken("nobody fetches from himself");
  }
}

function everyReadyRunIsInItsOneQueue(state: WorkerState, { task, state: taskState }: TaskRecord) {
  const run = unstartedRun(taskState);
  if (run === null) return;
  const isQueued = taskState.type !== "waiting" && !state.orphans.has(task);
  const queue = run.granted ? run.shape.granted : run.shape.prefetched;
  if (run.queue !== (isQueued ? queue : null)) broken(`attempt ${run.attempt} is in its queue`);
  if (run.shape.kind !== run.spec.kind) broken(`attempt ${run.attempt} is of a shape of its kind`);
}

function aCopyThatWasOrderedIsOnItsWay(_: WorkerState, record: TaskRecord): void {
  if (!record.copyOrdered) return;
  const { type } = record.state;
  if (type !== "to-fetch" && type !== "in-flight")
    broken(`a copy of task ${record.task} (${type}) was ordered and nothing brings it`);
}

/** What is said while nobody listens is never sent: the next inventory tells it. */
function aValueIsToldInAMessageThatWasSent(
  { connection }: WorkerState,
  { task, state }: TaskRecord,
) {
  if (state.type !== "memory") return;
  const { toldIn } = state.value;
  const latest = connection.up ? connection.sent : connection.sent + 1;
  if (toldIn > latest)
    broken(`the value of task ${task} is told in message ${toldIn} of ${latest}`);
}

export const recordRules: TaskRules = {
  "W1 every task has one record": everyTaskHasOneRecord,
  "W2 a state has exactly its own fields": aStateHasExactlyItsOwnFields,
  "W9 a waiting task misses exactly what is not in memory":
    aWaitingTaskMissesExactlyWhatIsNotInMemory,
  "W10 every missing input has a waker": everyMissingInputHasAWaker,
  "W12 a record and what it holds agree": aRecordAndWhatItHoldsAgree,
  "W13 what is to be fetched has live sources": whatIsToBeFetchedHasLiveSources,
  "W14 a ready task has all its inputs": aReadyTaskHasAllItsInputs,
  "W14 every ready run is in its one queue": everyReadyRunIsInItsOneQueue,
  "W18 at rest nothing is needed": atRestNothingIsNeeded,
  "W19 nothing is remembered without a cause": nothingIsRememberedWithoutACause,
  "W22 needs are symmetric": needsAreSymmetric,
  "W34 in trouble nothing waits to start": inTroubleNothingWaitsToStart,
  "W42 a copy that was ordered is on its way": aCopyThatWasOrderedIsOnItsWay,
  "W45 a value is told in a message that was sent": aValueIsToldInAMessageThatWasSent,
};
