/**
 * How facts about executions change the state: lanes, pins, and what is charged.
 *
 * @module
 */

import { assert, present } from "../base/assert.ts";
import type { Micros } from "../base/time.ts";
import { enqueueRun, moveTask, recordOf, stateForRun } from "./apply-tasks.ts";
import type { ExecutionId } from "./events.ts";
import type { ExecutionFact } from "./facts.ts";
import { type Amounts, charge } from "./ledger.ts";
import { pinValue, unpinValue } from "./residence.ts";
import {
  abandoned,
  besideLanes,
  type Execution,
  type Lane,
  type Run,
  type RunKind,
  type Shape,
  type TaskState,
  unstartedRun,
  type Value,
  type WorkerState,
} from "./state.ts";

type ExecutionAppliers = {
  readonly [T in ExecutionFact["type"]]: (
    state: WorkerState,
    fact: Extract<ExecutionFact, { type: T }>,
  ) => void;
};

const noValues: readonly Value[] = [];
const released: TaskState = { type: "released" };

function liveExecution(state: WorkerState, id: ExecutionId): Execution {
  return present(state.executions.get(id), "the execution is live");
}

/** Pins every input of a run; what it reads stays until it ends. */
function pinInputs(state: WorkerState, run: Run): readonly Value[] {
  if (run.dependencies.length === 0) return noValues;
  return run.dependencies.map((dependency) => {
    const input = recordOf(state, dependency).state;
    assert(input.type === "memory", "an execution begins only when its inputs are in memory");
    pinValue(state.residence, input.value);
    return input.value;
  });
}

/** The lane of a kind; for commands as many as were recovered, also beyond their slots. */
function laneAt(state: WorkerState, kind: RunKind, index: number): Lane {
  if (kind === "function") return state.lanes[index];
  const lanes = state.commandLanes;
  while (lanes.length <= index) lanes.push({ index: lanes.length, entries: [] });
  return lanes[index];
}

function placeExecution(
  state: WorkerState,
  fact: Extract<ExecutionFact, { type: "execution-placed" }>,
): void {
  const record = recordOf(state, fact.task);
  const run = present(unstartedRun(record.state), "the task has a run to start");
  const { kind } = run.spec;
  const isBeside = fact.lane === besideLanes;
  const lane = isBeside ? { index: besideLanes, entries: [] } : laneAt(state, kind, fact.lane);
  const execution: Execution = {
    id: fact.execution,
    lane,
    run,
    orphan: false,
    silent: false,
    told: abandoned,
    paying: false,
    waits: false,
    yielded: false,
    since: fact.at,
    startedAt: -1,
    abort: null,
    revoke: null,
    building: false,
    progress: null,
    member: null,
    released: false,
    values: pinInputs(state, run),
  };
  state.nextExecution = fact.execution + 1;
  state.executions.set(execution.id, execution);
  lane.entries.push(execution);
  moveTask(state, record, { type: "executing", execution });
  if (lane.entries.length > 1) return;
  if (kind === "command") state.commands.add(execution);
  else if (!isBeside) state.idleLanes--;
  else if (run.spec.definition.timeoutMs > 0) state.besideTimed.add(execution);
  promote(state, execution, fact.at);
}

function promote(state: WorkerState, execution: Execution, at: Micros): void {
  assert(!execution.paying, "an execution is promoted once");
  execution.paying = true;
  execution.since = at;
  charge(state.used, execution.run.spec.amounts, 1);
}

/** Takes an execution off its lane and gives back whatever it held. */
function unplace(state: WorkerState, execution: Execution): void {
  leaveLane(state, execution);
  state.commands.delete(execution);
  if (execution.paying) charge(state.used, amountsOfPaying(execution), -1);
  for (const value of execution.values) unpinValue(state.residence, value);
  state.executions.delete(execution.id);
  state.unsentStops.delete(execution);
  state.yielding.delete(execution);
  state.progressed.delete(execution);
  state.besideTimed.delete(execution);
}

function leaveLane(state: WorkerState, execution: Execution): void {
  const { entries, index } = execution.lane;
  if (entries[0] === execution) entries.shift();
  else entries.splice(entries.indexOf(execution), 1);
  const isLaneOfFunctions = execution.run.spec.kind === "function" && index !== besideLanes;
  if (isLaneOfFunctions && entries.length === 0) state.idleLanes++;
}

/** What a paying execution holds now. */
export function amountsOfPaying({ run, yielded }: Execution): Amounts {
  return yielded ? run.spec.amountsYielded : run.spec.amounts;
}

/** Goes beside the lanes, if it is not there yet, and gives its CPU back. */
function yieldExecution(state: WorkerState, execution: Execution): void {
  assert(execution.paying && !execution.yielded, "what pays in full can yield");
  assert(execution.lane.entries.length === 1, "nothing queues behind what yields");
  if (execution.lane.index !== besideLanes) {
    leaveLane(state, execution);
    execution.lane = { index: besideLanes, entries: [execution] };
    if (execution.run.spec.definition.timeoutMs > 0) state.besideTimed.add(execution);
  }
  charge(state.used, amountsOfPaying(execution), -1);
  execution.yielded = true;
  execution.run.hasYielded = true;
  charge(state.used, amountsOfPaying(execution), 1);
  state.yielding.delete(execution);
}

/** Goes on beside the lanes, and holds its CPU again, whatever else holds some. */
function rejoinExecution(state: WorkerState, execution: Execution): void {
  assert(execution.yielded, "only what has yielded rejoins");
  charge(state.used, amountsOfPaying(execution), -1);
  execution.yielded = false;
  charge(state.used, amountsOfPaying(execution), 1);
}

function endExecution(state: WorkerState, execution: Execution): void {
  unplace(state, execution);
  if (!execution.orphan) return;
  const { task } = execution.run;
  state.orphans.delete(task);
  const successor = state.tasks.get(task)?.state;
  if (successor === undefined) return;
  if (successor.type === "ready" || successor.type === "blocked") enqueueRun(state, successor.run);
}

/** A moving mean with a weight of one eighth; the first sample is taken whole. */
function learnDuration(shape: Shape, durationUs: number): void {
  if (shape.meanUs < 0) shape.meanUs = durationUs;
  else shape.meanUs += Math.trunc((durationUs - shape.meanUs) / 8);
}

/** Makes an orphan of an execution; its task, if it still has one, lets go of it. */
export function orphanExecution(state: WorkerState, execution: Execution, at: Micros): void {
  execution.orphan = true;
  state.orphans.set(execution.run.task, execution);
  if (execution.abort === null && execution.revoke === null) {
    state.unsentStops.set(execution, at);
  }
}

export const executionAppliers: ExecutionAppliers = {
  "execution-placed": placeExecution,
  "executions-recovered": (state, { below }) => {
    state.nextExecution = below;
    state.recoveredBelow = below;
  },
  "execution-building": (state, { execution }) => {
    liveExecution(state, execution).building = true;
  },
  "execution-prepared": (state, { execution, member }) => {
    liveExecution(state, execution).member = member;
  },
  "execution-released": (state, { execution }) => {
    liveExecution(state, execution).released = true;
  },
  "execution-promoted": (state, { execution, at }) =>
    promote(state, liveExecution(state, execution), at),
  "execution-taken-up": (state, { execution, at }) => {
    liveExecution(state, execution).startedAt = at;
  },
  "execution-orphaned": (state, { execution: id, at }) => {
    const execution = liveExecution(state, id);
    orphanExecution(state, execution, at);
    moveTask(state, recordOf(state, execution.run.task), released);
  },
  "execution-waits": (state, { execution: id, waits }) => {
    const execution = liveExecution(state, id);
    execution.waits = waits;
    if (waits) state.yielding.add(execution);
    else state.yielding.delete(execution);
  },
  "execution-yielded": (state, { execution }) => {
    yieldExecution(state, liveExecution(state, execution));
  },
  "execution-rejoined": (state, { execution }) => {
    rejoinExecution(state, liveExecution(state, execution));
  },
  "execution-progressed": (state, { execution: id, progress }) => {
    const execution = liveExecution(state, id);
    execution.progress = progress;
    state.progressed.add(execution);
  },
  "progress-told": (state, { executions }) => {
    for (const id of executions) state.progressed.delete(liveExecution(state, id));
  },
  "execution-answers-for-next": (state, { execution: id, told }) => {
    const execution = liveExecution(state, id);
    const record = recordOf(state, execution.run.task);
    const { hasYielded } = execution.run;
    execution.run = present(unstartedRun(record.state), "the task has a run that did not start");
    execution.run.hasYielded = hasYielded;
    execution.told = told;
    moveTask(state, record, released);
  },
  "execution-abort-sent": (state, { execution: id, reason }) => {
    const execution = liveExecution(state, id);
    execution.abort = reason;
    state.unsentStops.delete(execution);
  },
  "execution-revoke-sent": (state, { execution: id, intent }) => {
    const execution = liveExecution(state, id);
    execution.revoke = intent;
    state.unsentStops.delete(execution);
  },
  "execution-revoke-refused": (state, { execution: id, at }) => {
    const execution = liveExecution(state, id);
    execution.revoke = null;
    if (execution.startedAt < 0) execution.startedAt = at;
  },
  "execution-requeued": (state, { execution: id }) => {
    const execution = liveExecution(state, id);
    unplace(state, execution);
    const { run } = execution;
    moveTask(state, recordOf(state, run.task), stateForRun(state, run));
  },
  "execution-ended": (state, { execution: id, durationUs }) => {
    const execution = liveExecution(state, id);
    if (durationUs >= 0) learnDuration(execution.run.shape, durationUs);
    endExecution(state, execution);
  },
};
