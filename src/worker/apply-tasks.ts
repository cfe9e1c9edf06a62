/**
 * How facts about tasks change the state. `moveTask` is the only writer of a task's state, and the
 * only place where queues, needs, sources and the totals of values are kept in step with it.
 *
 * It must not decide: a fact that does not fit the state is a bug and throws.
 *
 * @module
 */

import { assert, present } from "../base/assert.ts";
import { digestWith, digestWithout } from "../base/digest.ts";
import type { AttemptId, TaskRef } from "../model/ids.ts";
import type { RunAccepted, TaskFact } from "./facts.ts";
import { admitValue, dismissValue, noFile } from "./residence.ts";
import { RunQueue } from "./run-queue.ts";
import {
  abandoned,
  holdsValue,
  type ReturnedCall,
  type Run,
  type Shape,
  type Spec,
  shapesOf,
  startableOf,
  type TaskRecord,
  type TaskState,
  unstartedRun,
  type Value,
  type WorkerState,
} from "./state.ts";

type TaskAppliers = {
  readonly [T in TaskFact["type"]]: (
    state: WorkerState,
    fact: Extract<TaskFact, { type: T }>,
  ) => void;
};

const released: TaskState = { type: "released" };

export function recordOf(state: WorkerState, task: TaskRef): TaskRecord {
  return present(state.tasks.get(task), "the task has a record"); // No text is built on this path.
}

function ensureRecord(state: WorkerState, task: TaskRef): TaskRecord {
  const known = state.tasks.get(task);
  if (known !== undefined) return known;
  const nothing = { toldBytes: 0, hadRun: false, copyOrdered: false, neededBy: null };
  const record: TaskRecord = { task, state: released, ...nothing };
  state.tasks.set(task, record);
  return record;
}

/** The shape `id` of a kind, made on its first mention. */
function ensureShape(state: WorkerState, id: number, spec: Spec): Shape {
  const shapes = shapesOf(state, spec);
  const known = shapes.get(id);
  if (known !== undefined) return known;
  const queues = { granted: new RunQueue(), prefetched: new RunQueue() };
  const { kind, isCall } = spec;
  const shape = { id, kind, isCall, ...queues, meanUs: -1 };
  shapes.set(id, shape);
  return shape;
}

/** The run `attempt` of a task: its current one, or that of its orphan. */
export function findRun(state: WorkerState, task: TaskRef, attempt: AttemptId): Run | null {
  const taskState = state.tasks.get(task)?.state;
  if (taskState !== undefined) {
    const run = taskState.type === "executing" ? taskState.execution.run : unstartedRun(taskState);
    if (run !== null && run.attempt === attempt) return run;
  }
  const orphan = state.orphans.get(task);
  return orphan !== undefined && orphan.run.attempt === attempt ? orphan.run : null;
}

/** Puts a ready run where the picker finds it, unless an orphan of its task still runs. */
export function enqueueRun(state: WorkerState, run: Run): void {
  if (state.orphans.has(run.task)) return;
  run.queue = run.granted ? run.shape.granted : run.shape.prefetched;
  run.queue.push(run);
  if (run.granted) startableOf(state, run.shape).add(run.shape);
  else if (run.shape.kind === "function") state.prefetchedReady++;
}

function dequeueRun(state: WorkerState, run: Run): void {
  if (run.queue === null) return;
  run.queue.remove(run);
  run.queue = null;
  if (run.granted) {
    if (run.shape.granted.size === 0) startableOf(state, run.shape).delete(run.shape);
  } else if (run.shape.kind === "function") state.prefetchedReady--;
}

function addNeeds(state: WorkerState, run: Run): void {
  for (const dependency of run.dependencies) {
    const record = ensureRecord(state, dependency);
    record.neededBy ??= new Set();
    record.neededBy.add(run.task);
  }
}

function dropNeeds(state: WorkerState, run: Run): void {
  for (const dependency of run.dependencies) {
    state.tasks.get(dependency)?.neededBy?.delete(run.task);
  }
}

function leaveState(state: WorkerState, record: TaskRecord): void {
  const before = record.state;
  switch (before.type) {
    case "ready":
    case "blocked":
      return dequeueRun(state, before.run);
    case "to-fetch":
      for (const source of before.sources) {
        const peer = present(state.peers.get(source), "a source is a live peer");
        peer.queue.delete(record.task);
        if (peer.queue.size === 0) state.fetchable.delete(peer);
      }
      return;
    case "missing":
      state.missing.delete(record.task);
      return;
    case "in-flight":
      before.transfer.wanted.delete(record.task);
      return;
    case "memory":
      state.valueBytes -= before.value.sizeBytes;
      dismissValue(state.residence, before.value);
      state.valuesDigest = digestWithout(state.valuesDigest, record.task);
      return;
  }
}

function enterState(state: WorkerState, record: TaskRecord): void {
  const after = record.state;
  switch (after.type) {
    case "ready":
    case "blocked":
      return enqueueRun(state, after.run);
    case "to-fetch":
      for (const source of after.sources) {
        const peer = present(state.peers.get(source), "a source is a live peer");
        peer.queue.add(record.task);
        state.fetchable.add(peer);
      }
      return;
    case "missing":
      state.missing.add(record.task);
      return;
    case "memory":
      state.valueBytes += after.value.sizeBytes;
      admitValue(state.residence, after.value);
      state.valuesDigest = digestWith(state.valuesDigest, record.task);
      return;
  }
}

/** The one door between two states of a task. */
export function moveTask(state: WorkerState, record: TaskRecord, next: TaskState): void {
  const runBefore = unstartedRun(record.state);
  const runAfter = unstartedRun(next);
  leaveState(state, record);
  if (runBefore !== null && runAfter !== runBefore) dropNeeds(state, runBefore);
  if (runAfter !== null && runAfter !== runBefore) addNeeds(state, runAfter);
  record.state = next;
  enterState(state, record);
}

/** Where an unstarted run belongs: waiting for what is missing, or ready. */
export function stateForRun(state: WorkerState, run: Run): TaskState {
  const missing = run.dependencies.filter((dependency) => !holdsValue(state, dependency));
  if (missing.length > 0) return { type: "waiting", run, missing: new Set(missing) };
  return { type: run.spec.asksBeyondCpu ? "blocked" : "ready", run };
}

function newRun(state: WorkerState, fact: RunAccepted): Run {
  const spec = present(state.specs.get(fact.spec), "the spec of a run is known");
  return {
    attempt: fact.attempt,
    task: fact.task,
    spec,
    shape: ensureShape(state, fact.shape, spec),
    granted: fact.granted,
    args: fact.args,
    context: fact.context,
    inputs: fact.inputs,
    dependencies: fact.dependencies,
    arrival: state.nextArrival++,
    hasYielded: false,
    queue: null,
  };
}

/** A call that was handed back is here again, or the controller knows that it was. */
export function takeReturned(state: WorkerState, actor: TaskRef, call: TaskRef): void {
  const returned = state.returnedCalls.get(actor);
  returned?.delete(call);
  if (returned?.size === 0) state.returnedCalls.delete(actor);
}

function acceptRun(state: WorkerState, fact: RunAccepted): void {
  const run = newRun(state, fact);
  const record = ensureRecord(state, fact.task);
  record.hadRun = true;
  if (run.spec.isCall && run.inputs.length > 0) takeReturned(state, run.inputs[0].task, run.task);
  record.copyOrdered = false; // Its own run makes the value.
  state.openRuns++;
  state.attemptsDigest = digestWith(state.attemptsDigest, run.attempt);
  if (fact.adopts === 0) {
    moveTask(state, record, stateForRun(state, run));
    for (let i = 0; i < fact.dependencies.length; i++) {
      recordOf(state, fact.dependencies[i]).toldBytes = fact.dependencyBytes[i];
    }
    return;
  }
  const execution = present(state.executions.get(fact.adopts), "the adopted execution is live");
  assert(execution.orphan && execution.abort === null, "only an untouched orphan is adopted");
  run.hasYielded = execution.run.hasYielded;
  execution.run = run;
  execution.orphan = false;
  execution.told = abandoned;
  state.orphans.delete(fact.task);
  state.unsentStops.delete(execution);
  if (execution.progress !== null) state.progressed.add(execution); // Nobody knows it of this run.
  moveTask(state, record, { type: "executing", execution });
}

function grantRun(state: WorkerState, task: TaskRef, attempt: AttemptId): void {
  const run = present(findRun(state, task, attempt), "the attempt has a run");
  const queued = run.queue !== null;
  dequeueRun(state, run);
  run.granted = true;
  if (queued) enqueueRun(state, run);
}

function storeValue(
  state: WorkerState,
  { task, sizeBytes, copied }: Extract<TaskFact, { type: "value-stored" }>,
): void {
  const record = ensureRecord(state, task);
  const toldIn = state.connection.sent + 1;
  const value: Value = {
    task,
    sizeBytes,
    ...{ pins: 0, gone: false, copied, toldIn },
    place: "memory",
    file: noFile,
    sentAt: 0,
  };
  record.copyOrdered = false;
  moveTask(state, record, { type: "memory", value });
  for (const dependent of record.neededBy ?? []) {
    const waiting = recordOf(state, dependent).state;
    if (waiting.type === "waiting") waiting.missing.delete(task);
  }
}

function dropValue(state: WorkerState, task: TaskRef): void {
  const record = recordOf(state, task);
  assert(record.state.type === "memory", "only a value that is held is dropped");
  record.state.value.gone = true;
  moveTask(state, record, released);
  for (const dependent of record.neededBy ?? []) {
    const waiting = recordOf(state, dependent).state;
    if (waiting.type === "waiting") waiting.missing.add(task);
  }
}

function requeueState(state: WorkerState, task: TaskRef): void {
  const record = recordOf(state, task);
  const run = present(unstartedRun(record.state), "the task has an unstarted run");
  moveTask(state, record, stateForRun(state, run));
}

export const taskAppliers: TaskAppliers = {
  "run-accepted": acceptRun,
  "run-granted": (state, { task, attempt }) => grantRun(state, task, attempt),
  "run-answered": (state, { attempt }) => {
    state.openRuns--;
    state.attemptsDigest = digestWithout(state.attemptsDigest, attempt);
  },
  "task-readied": (state, { task }) => requeueState(state, task),
  "task-unreadied": (state, { task }) => requeueState(state, task),
  "task-released": (state, { task }) => moveTask(state, recordOf(state, task), released),
  "task-failed": (state, { task, kind }) =>
    moveTask(state, recordOf(state, task), { type: "failed", kind }),
  "task-rescheduled": (state, { task, reason }) =>
    moveTask(state, recordOf(state, task), { type: "rescheduled", reason }),
  "call-returned": (state, { actor, call, attempt, order }) => {
    const returned = state.returnedCalls.get(actor) ?? new Map<TaskRef, ReturnedCall>();
    state.returnedCalls.set(actor, returned.set(call, { attempt, order }));
  },
  "task-unmentioned": (state, { task }) => {
    recordOf(state, task).hadRun = false;
  },
  "task-forgotten": (state, { task }) => {
    moveTask(state, recordOf(state, task), released);
    state.tasks.delete(task);
  },
  "value-stored": (state, fact) => storeValue(state, fact),
  "value-told-again": (state, { task }) => {
    const { state: held } = recordOf(state, task);
    assert(held.type === "memory", "only a value that is held is told again");
    held.value.toldIn = state.connection.sent + 1;
  },
  "value-dropped": (state, { task }) => dropValue(state, task),
  "copy-ordered": (state, { task, sizeBytes }) => {
    const record = ensureRecord(state, task);
    record.copyOrdered = true;
    record.toldBytes = sizeBytes;
  },
  "copy-closed": (state, { task }) => {
    recordOf(state, task).copyOrdered = false;
  },
  "fetch-wanted": (state, { task, sources }) =>
    moveTask(state, recordOf(state, task), { type: "to-fetch", sources: new Set(sources) }),
  "sources-changed": (state, { task, sources }) => {
    const record = recordOf(state, task);
    assert(record.state.type === "in-flight", "only a fetch under way changes its sources so");
    record.state = { ...record.state, sources: new Set(sources) };
  },
  "sources-missing": (state, { task, at }) =>
    moveTask(state, recordOf(state, task), { type: "missing", askedAt: at }),
};
