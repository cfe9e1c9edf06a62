/**
 * Rules about task records, their needs and their values.
 *
 * @module
 */

import { assert } from "../../base/assert.ts";
import { digestWith } from "../../base/digest.ts";
import type { TaskRef } from "../../model/ids.ts";
import { amountsOf, asksBeyondCpu } from "../ledger.ts";
import { goesBefore } from "../run-queue.ts";
import {
  isNeeded,
  type Run,
  type RunKind,
  type Shape,
  type TaskRecord,
  type TaskState,
  unstartedRun,
  type WorkerState,
} from "../state.ts";
import type { WorkerRules } from "./rule.ts";

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

/** States from which a missing input can still come. */
const statesWithWaker: ReadonlySet<TaskState["type"]> = new Set([
  "to-fetch",
  "missing",
  "in-flight",
  "waiting",
  "ready",
  "blocked",
  "executing",
] as const);

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function everyTaskHasOneRecord(state: WorkerState): void {
  for (const [task, record] of state.tasks) {
    assert(record.task === task, `task ${task} is filed under its own reference`);
    const run = unstartedRun(record.state);
    assert(run === null || run.task === task, `the run of task ${task} is a run of it`);
  }
}

function aStateHasExactlyItsOwnFields(state: WorkerState): void {
  for (const { task, state: taskState } of state.tasks.values()) {
    const fields = Object.keys(taskState).sort(compareText).join(" ");
    const expected = fieldsOf[taskState.type].join(" ");
    assert(fields === expected, `task ${task} (${taskState.type}) has the fields ${expected}`);
  }
}

function missingInputs(state: WorkerState, run: Run): readonly TaskRef[] {
  return run.dependencies.filter((task) => state.tasks.get(task)?.state.type !== "memory");
}

function aWaitingTaskMissesExactlyWhatIsNotInMemory(state: WorkerState): void {
  for (const { task, state: waiting } of state.tasks.values()) {
    if (waiting.type !== "waiting") continue;
    const missing = missingInputs(state, waiting.run);
    assert(missing.length > 0, `task ${task} waits for something`);
    const same = missing.length === waiting.missing.size;
    assert(same && missing.every((input) => waiting.missing.has(input)), `misses of task ${task}`);
  }
}

function everyMissingInputHasAWaker(state: WorkerState): void {
  for (const { task, state: waiting } of state.tasks.values()) {
    if (waiting.type !== "waiting") continue;
    for (const input of waiting.missing) {
      const type = state.tasks.get(input)?.state.type;
      const woken = type !== undefined && statesWithWaker.has(type);
      assert(woken, `input ${input} of task ${task} is ${type} and nothing will move it`);
    }
  }
}

function aReadyTaskHasAllItsInputs(state: WorkerState): void {
  for (const { task, state: ready } of state.tasks.values()) {
    if (ready.type !== "ready" && ready.type !== "blocked") continue;
    assert(missingInputs(state, ready.run).length === 0, `task ${task} has all its inputs`);
    const asks = ready.run.spec.asksBeyondCpu;
    assert(asks === (ready.type === "blocked"), `task ${task} is ${ready.type} by its request`);
  }
}

function needsAreSymmetric(state: WorkerState): void {
  for (const record of state.tasks.values()) {
    for (const dependent of record.neededBy ?? []) {
      const run = unstartedRun(state.tasks.get(dependent)?.state ?? { type: "released" });
      const needs = run?.dependencies.includes(record.task) === true;
      assert(needs, `task ${dependent} needs ${record.task}`);
    }
    for (const input of unstartedRun(record.state)?.dependencies ?? []) {
      const known = state.tasks.get(input)?.neededBy?.has(record.task) === true;
      assert(known, `input ${input} knows that task ${record.task} needs it`);
    }
  }
}

function heldValuesAddUp(state: WorkerState): void {
  let bytes = 0;
  let digest = 0;
  for (const { task, state: held } of state.tasks.values()) {
    if (held.type !== "memory") continue;
    assert(held.value.task === task && !held.value.gone, `the value of task ${task} is here`);
    bytes += held.value.sizeBytes;
    digest = digestWith(digest, task);
  }
  assert(bytes === state.valueBytes, `held bytes are ${bytes}, not ${state.valueBytes}`);
  assert(digest === state.valuesDigest, "the digest of values is that of the values held");
}

/** Whether a state is one in which a task holds nothing and waits for nobody but the controller. */
function isAtRest({ state }: TaskRecord): boolean {
  return state.type === "released" || state.type === "failed" || state.type === "rescheduled";
}

function atRestNothingIsHeldOrNeeded(state: WorkerState): void {
  const busy = new Set<TaskRef>(state.missing);
  for (const peer of state.peers.values()) for (const task of peer.queue) busy.add(task);
  for (const transfer of state.transfers.values()) {
    for (const task of transfer.wanted) busy.add(task);
  }
  for (const record of state.tasks.values()) {
    if (!isAtRest(record)) continue;
    assert(!busy.has(record.task), `task ${record.task} is at rest and in no queue`);
    assert(!isNeeded(record), `task ${record.task} is at rest and nobody here needs it`);
  }
}

function nothingIsRememberedWithoutACause(state: WorkerState): void {
  for (const record of state.tasks.values()) {
    const idle = isAtRest(record) && !record.hadRun;
    assert(!idle, `task ${record.task} never ran here, holds nothing and is forgotten`);
  }
}

function specsNeverChange(state: WorkerState): void {
  for (const [id, spec] of state.specs) {
    assert(spec.id === id, `spec ${id} is filed under its own number`);
    const { resources, run } = spec.definition;
    const amounts = amountsOf(state.capacity, resources);
    assert(String(amounts) === String(spec.amounts), `spec ${id} asks for what it asked for`);
    assert(spec.kind === run.kind, `spec ${id} is of the kind that it was`);
    assert(spec.asksBeyondCpu === asksBeyondCpu(resources), `spec ${id} asks for the same kinds`);
  }
}

function queuesAreInStrictOrder(state: WorkerState): void {
  for (const shape of [...state.shapes.values(), ...state.commandShapes.values()]) {
    for (const queue of [shape.granted, shape.prefetched]) {
      let before: Run | null = null;
      let size = 0;
      for (const run of queue) {
        assert(run.queue === queue, `attempt ${run.attempt} knows its queue`);
        assert(before === null || goesBefore(before, run), "a queue is in the comparator's order");
        before = run;
        size++;
      }
      assert(size === queue.size, "a queue knows its size");
    }
  }
}

function checkStartable(
  startable: ReadonlySet<Shape>,
  known: ReadonlySet<Shape>,
  kind: RunKind,
): void {
  const expected = [...startable].filter((shape) => shape.kind === kind);
  const same = expected.length === known.size && expected.every((shape) => known.has(shape));
  assert(same, `startable shapes of kind ${kind} are known`);
}

function inTroubleNothingWaitsToStart(state: WorkerState): void {
  if (state.trouble === "") return;
  for (const { task, state: taskState } of state.tasks.values()) {
    assert(unstartedRun(taskState) === null, `the run of task ${task} was handed back`);
  }
}

function everyReadyRunIsInItsOneQueue(state: WorkerState): void {
  const startable = new Set<Shape>();
  let prefetched = 0;
  for (const { task, state: taskState } of state.tasks.values()) {
    const run = unstartedRun(taskState);
    if (run === null) continue;
    const queued = taskState.type !== "waiting" && !state.orphans.has(task);
    const queue = run.granted ? run.shape.granted : run.shape.prefetched;
    assert(run.queue === (queued ? queue : null), `attempt ${run.attempt} is in its queue`);
    assert(run.shape.kind === run.spec.kind, `attempt ${run.attempt} is of a shape of its kind`);
    if (queued && !run.granted && run.shape.kind === "function") prefetched++;
    if (queued && run.granted) startable.add(run.shape);
  }
  assert(prefetched === state.prefetchedReady, "functions without a grant are counted");
  checkStartable(startable, state.startable, "function");
  checkStartable(startable, state.startableCommands, "command");
}

export const taskRules: WorkerRules = {
  "W1 every task has one record": everyTaskHasOneRecord,
  "W2 a state has exactly its own fields": aStateHasExactlyItsOwnFields,
  "W9 a waiting task misses exactly what is not in memory":
    aWaitingTaskMissesExactlyWhatIsNotInMemory,
  "W10 every missing input has a waker": everyMissingInputHasAWaker,
  "W12 held values add up": heldValuesAddUp,
  "W14 a ready task has all its inputs": aReadyTaskHasAllItsInputs,
  "W14 every ready run is in its one queue": everyReadyRunIsInItsOneQueue,
  "W34 in trouble nothing waits to start": inTroubleNothingWaitsToStart,
  "W18 at rest nothing is held or needed": atRestNothingIsHeldOrNeeded,
  "W19 nothing is remembered without a cause": nothingIsRememberedWithoutACause,
  "W21 specs never change": specsNeverChange,
  "W22 needs are symmetric": needsAreSymmetric,
  "W23 queues are in strict order": queuesAreInStrictOrder,
};
